# shellcheck shell=bash
# Names and numbers of the world, known to the simulator's configuration and to every case. Sourced.
# shellcheck disable=SC2034  # used by whoever sources this

REGION=us-east-1
VPC_GATEWAY=10.77.0.1
VPC_DNS=10.77.0.2
TARGET_A=10.77.1.10
TARGET_B=10.77.2.10
TARGET_C=10.77.3.10
TARGET_CLOSED=10.77.1.20
TARGET_SPARE=10.77.1.30  # where a target can move to
IMDS_ADDRESS=169.254.169.254
CONTAINER_ADDRESS=169.254.170.2
CLIENT_ONE=10.77.9.1
CLIENT_TWO=10.77.9.2

# Open to everyone, with the two access points of the AWS tutorial.
FS=fs-0123456789abcdef0
AP_WEB=fsap-00000000000000a01     # /web-content, uid 1000, mode 755
AP_SHARED=fsap-00000000000000a02  # /shared-data, uid 1001, mode 750
# Its policy lets only the instance role in.
FS_CLOSED=fs-0c105ed0000000000
# Its targets know nothing of each other's opens and locks.
FS_SEPARATE=fs-05e9a2a7e00000000
TARGET_SEPARATE_A=10.77.1.40
TARGET_SEPARATE_B=10.77.2.40
# Of Amazon S3 Files: its names are by zone id, its policy demands TLS and IAM.
FS_S3=fs-0536f11e500000000
TARGET_S3_A=10.77.1.50
TARGET_S3_B=10.77.2.50
AP_S3=fsap-00000000000000a03  # /reports, uid 1002
UNKNOWN_FS=fs-0badbadbadbadbad0
UNKNOWN_AP=fsap-0badbadbadbadbad0
DNS_NAME=$FS.efs.$REGION.amazonaws.com
