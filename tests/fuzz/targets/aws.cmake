efs_fuzz_target(aws_profile SOURCES aws_profile_fuzz.cc LIBS aws)
efs_fuzz_target(imds_identity SOURCES imds_identity_fuzz.cc LIBS aws)
efs_fuzz_target(role_credentials SOURCES role_credentials_fuzz.cc LIBS aws)
