#include "simulated_jobs.h"

#include <array>
#include <cerrno>
#include <utility>

#include "act/renewal.h"
#include "certificate.h"
#include "daemon/job_bodies.h"
#include "efs/aws/credentials.h"
#include "gated_files.h"
#include "simulated_remount.h"
#include "world.h"

namespace efs::watchdog::simulation {
namespace {

constexpr auto kCertificateLife = std::chrono::hours(3);

const char* nameOf(const JobRequest& request) {
  constexpr std::array<const char*, 11> kNames = {
      "renewal",       "probe",   "root question", "target check",     "target search",
      "command line",  "removal", "remount",       "staging clean-up", "staging path clean-up",
      "network search"};
  return kNames.at(request.index());
}

// What a child does; within its actor.
class Work {
 public:
  explicit Work(World& world) : world_(world) {}

  Result<std::string> operator()(const ProbeTunnel& job) const {
    world_.actors.pause(Duration(3));
    const auto tunnel = world_.tunnels.on(job.port);
    if (!tunnel && !world_.tunnels.isOpen(job.port)) return Error(ErrorKind::kRefused, "connect");
    if (tunnel && !tunnel->frozen) {
      ++tunnel->numbers.connections_total;
      ++tunnel->numbers.questions;
    }
    const auto answered = [&] {
      const auto now = world_.tunnels.on(job.port);
      return now && world_.tunnels.relays(*now);
    };
    if (!world_.actors.waitFor(answered, Duration(4500))) {
      const bool refused = tunnel && tunnel->alive && !tunnel->frozen && tunnel->upstream.empty();
      return Error(refused ? ErrorKind::kReset : ErrorKind::kTimeout, "probe");
    }
    const auto answering = world_.tunnels.on(job.port);
    answering->numbers.bytes_down += 40;
    answering->numbers.question_bytes += 40;
    return std::string();
  }

  Result<std::string> operator()(const AskRoot& job) const {
    world_.actors.step("asking the root");
    return SimulatedRemount(world_).askRoot(job.mountpoint);
  }

  Result<std::string> operator()(const AskTarget& job) const {
    world_.actors.pause(Duration(20));
    const std::string address = world_.network.resolve(job.host);
    if (address.empty()) return Error(ErrorKind::kNotFound, job.host + " has no address");
    return ask(address);
  }

  Result<std::string> operator()(const FindTarget& job) const {
    world_.actors.pause(Duration(50));
    const std::string now = world_.network.resolve(job.current);
    for (const auto& name : job.names) {
      for (const auto& [id, system] : world_.network.fileSystems()) {
        if (name != Network::nameOf(id)) continue;
        for (const auto& other : system.others) {
          if (other != now && ask(other)) return other;
        }
      }
    }
    return Error(ErrorKind::kNotFound, "no other mount target answers");
  }

  Result<std::string> operator()(const AskCommandLine& job) const {
    world_.actors.pause(Duration(5));
    const auto tunnel = world_.tunnels.withPid(job.pid);
    if (!tunnel) return Error(ErrorKind::kNotFound, "no such process");
    return "/usr/bin/efs-proxy" + std::string(1, '\0') + tunnel->config_path +
           std::string(1, '\0') + "--tls" + std::string(1, '\0');
  }

  Result<std::string> operator()(const RenewalRequest& job) const {
    world_.actors.step("asking AWS");
    world_.actors.pause(world_.time.between(Duration(50), Duration(2000)));
    const bool answers =
        world_.actors.waitFor([&] { return world_.aws_answers; }, Duration(300000));
    if (!answers) return Error(ErrorKind::kTimeout, "AWS does not answer");
    const auto& state = job.state;
    std::string principal;
    if (state.credentials_origin) {
      const bool daemons = world_.plan.put_back.foreign_credentials;
      principal = principalFor(
          daemons ? job.daemon_environment
                  : renewalEnvironment(state.credentials_origin, job.daemon_environment));
      const aws::Principal found{.account = "1", .name = principal, .access_key_id = ""};
      if (!daemons && !job.allow_identity_change) {
        EFS_CHECK(aws::checkSamePrincipal(principalOf(*state.credentials_origin), found));
      }
    }
    const WallTime now = world_.time.now();
    const Certificate made{state.fs_id + "|" + state.access_point + "|" + principal,
                           now + kCertificateLife};
    EFS_CHECK(
        files().makeDirectories(state.certificate.substr(0, state.certificate.rfind('/')), 0700));
    EFS_CHECK(files().write(state.certificate, made.text(), 0600));
    RenewalOutcome outcome;
    outcome.creation_time = state::certificateTimeText(now);
    if (!principal.empty()) outcome.principal = {"1", principal, ""};
    return outcome.encode();
  }

  template <typename Job>
  Result<std::string> operator()(const Job& job) const {
    SimulatedRemount calls(world_);
    GatedFiles own = files();
    return runJob(JobRequest(job), RemountTools{calls, own, world_.time});
  }

 private:
  GatedFiles files() const {
    return GatedFiles(world_.files, [&world = world_](const char* what) {
      world.actors.step(what);
      return true;
    });
  }
  std::string principalFor(const Variables& environment) const {
    const auto profile = environment.find("AWS_PROFILE");
    if (profile == environment.end()) return "";
    const auto found = world_.principals.find(profile->second);
    return found == world_.principals.end() ? "" : found->second;
  }
  Result<std::string> ask(const std::string& address) const {
    switch (world_.network.stateOf(address)) {
      case TargetState::kServing:
        world_.actors.pause(Duration(5));
        return address;
      case TargetState::kRefusing:
        return Error(ErrorKind::kRefused, "connect");
      case TargetState::kSilent:
        world_.actors.pause(Duration(3000));
        return Error(ErrorKind::kTimeout, "connect");
    }
    return address;
  }

  World& world_;
};

Result<std::string> answerOf(const Actor& actor, std::optional<Result<std::string>> answer) {
  if (answer && !actor.killed) return std::move(*answer);
  if (actor.timed_out) return Error(ErrorKind::kTimeout, "the child took too long");
  return Error(ErrorKind::kInternal, "the child ended without an answer");
}

}  // namespace

Result<JobId> SimulatedJobs::start(JobRequest request, JobDone done) {
  if (!world_.daemon.enter("starting a child")) return Error(ErrorKind::kCancelled, "dead");
  if (world_.files.scarce) return Error::fromErrno(EAGAIN, "fork");
  const JobId id = ++last_;
  const unsigned seconds = deadlineSeconds(request);
  if (const auto* plan = std::get_if<RemountPlan>(&request)) world_.invariants.remountBegins(*plan);
  auto answer = std::make_shared<std::optional<Result<std::string>>>();
  const auto self = std::make_shared<std::weak_ptr<Actor>>();
  const std::string name =
      std::string("child ") + std::to_string(id) + " (" + nameOf(request) + ")";
  auto body = [&world = world_, request = std::move(request), answer] {
    if (world.plan.faults && world.time.oneIn(400)) {
      Probes::reach("a child waited in the kernel");
      world.actors.waitInKernel([&world] { return !world.plan.faults; }, Duration(1800000));
    }
    *answer = std::visit(Work(world), request);
  };
  auto ended = [&world = world_, life = world_.daemon.life(), answer, self,
                done = std::move(done)] {
    if (life != world.daemon.life()) return;
    const auto actor = self->lock();
    world.loop([done, result = answerOf(*actor, *answer)] { done(result); });
  };
  const ActorPtr actor = world_.actors.spawn(name, std::move(body), std::move(ended));
  *self = actor;
  world_.actors.setAlarm(actor, seconds);
  running_[id] = actor;
  std::erase_if(running_, [](const auto& entry) { return entry.second->over; });
  return id;
}

void SimulatedJobs::abandon(JobId id) {
  if (!world_.daemon.enter("ending a child")) return;
  const auto found = running_.find(id);
  if (found == running_.end()) return;
  found->second->on_end = [] {};
  world_.actors.kill(found->second);
  running_.erase(found);
}

}  // namespace efs::watchdog::simulation
