# shellcheck shell=bash
# The bill of materials: what the programs are made of, as SPDX 2.3. Sourced by stage.sh.

# linked_in FUNCTION: calls it with name, Debian's package (with its architecture) and licence of each library.
linked_in() {
  local entry name package licence
  for entry in "${LINKED_IN[@]}"; do
    read -r name package licence <<<"$entry"
    "$1" "$name" "${package/%:/:$ARCHITECTURE}" "$licence"
  done
}

version_of_package() {
  dpkg-query -W -f '${Version}' "$1" 2>/dev/null ||
    dpkg-query -W -f '${Version}' "${1/%:*/-$ARCHITECTURE-cross:all}" 2>/dev/null || die "the package $1 is not installed"
}

sbom_library() {
  local version
  version="$(version_of_package "$2")" || exit 1
  cat <<JSON
    ,{
      "SPDXID": "SPDXRef-${1//+/x}",
      "name": "$1",
      "versionInfo": "$version",
      "supplier": "Organization: Debian",
      "downloadLocation": "https://sources.debian.org/",
      "externalRefs": [{
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": "pkg:deb/debian/${2%:*}@${version//+/%2B}?distro=bookworm"
      }],
      "filesAnalyzed": false,
      "licenseConcluded": "$3",
      "licenseDeclared": "$3",
      "copyrightText": "NOASSERTION"
    }
JSON
}

sbom_relation() {
  printf '    ,{ "spdxElementId": "SPDXRef-efsmount", "relationshipType": "STATIC_LINK", "relatedSpdxElement": "SPDXRef-%s" }\n' \
    "${1//+/x}"
}

# shellcheck disable=SC2153  # VERSION is a fact (facts.sh)
sbom() {
  cat <<JSON
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "efsmount-$VERSION-$MACHINE",
  "documentNamespace": "$HOMEPAGE/spdx/efsmount-$VERSION-$MACHINE-$SOURCE_DATE_EPOCH",
  "creationInfo": {
    "created": "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)",
    "creators": ["Tool: efsmount packaging/build.sh"]
  },
  "packages": [
    {
      "SPDXID": "SPDXRef-efsmount",
      "name": "efsmount",
      "versionInfo": "$VERSION",
      "supplier": "Organization: efsmount authors",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "licenseConcluded": "MIT",
      "licenseDeclared": "MIT",
      "copyrightText": "2026 the efsmount authors"
    }
$(linked_in sbom_library)
  ],
  "relationships": [
    { "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-efsmount" }
$(linked_in sbom_relation)
  ]
}
JSON
}
