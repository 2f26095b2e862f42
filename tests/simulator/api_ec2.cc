#include <map>

#include "api_services.h"

namespace efs::simulator {

ApiReply ec2Error(int status, const std::string& code, const std::string& message) {
  return {status, "text/xml;charset=UTF-8",
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>" + code +
              "</Code><Message>" + message +
              "</Message></Error></Errors><RequestID>1</RequestID></Response>"};
}

ApiReply answerEc2(const ApiRequest& request, World& world) {
  if (formValue(request.body, "Action") != "DescribeAvailabilityZones" ||
      formValue(request.body, "Version") != "2016-11-15") {
    return ec2Error(400, "InvalidAction", "The action is not valid for this web service.");
  }
  std::map<std::string, std::string> zones{{world.config().imds.az, world.config().imds.az_id}};
  for (const auto& fs : world.config().file_systems) {
    for (const auto& target : fs.targets) zones[target.az] = target.az_id;
  }
  const auto wanted = formValue(request.body, "ZoneName.1");
  if (wanted && zones.count(*wanted) == 0) {
    return ec2Error(400, "InvalidParameterValue", "Invalid availability zone: [" + *wanted + "]");
  }
  std::string items;
  for (const auto& [name, id] : zones) {
    if (wanted && *wanted != name) continue;
    items += "<item><optInStatus>opt-in-not-required</optInStatus><messageSet/><regionName>" +
             world.config().region + "</regionName><zoneName>" + name + "</zoneName><zoneId>" + id +
             "</zoneId><zoneType>availability-zone</zoneType></item>";
  }
  return {200, "text/xml;charset=UTF-8",
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeAvailabilityZonesResponse "
          "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId>"
          "<availabilityZoneInfo>" +
              items + "</availabilityZoneInfo></DescribeAvailabilityZonesResponse>"};
}

}  // namespace efs::simulator
