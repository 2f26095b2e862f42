# cmake -DTOOL=... -DVECTORS=... -DOUT=... -P: changes one digit of a signature in a copy of the
# vectors and demands that certificate-vectors exits with 1 and names the case.
file(READ ${VECTORS} text)
string(REPLACE "\"signature\": \"0698b380" "\"signature\": \"1698b380" tampered "${text}")
if(tampered STREQUAL text)
  message(FATAL_ERROR "nothing was changed: the vectors do not hold the expected signature")
endif()
file(WRITE ${OUT} "${tampered}")
execute_process(COMMAND ${TOOL} ${OUT} RESULT_VARIABLE status OUTPUT_VARIABLE output TIMEOUT 30)
if(NOT status EQUAL 1 OR NOT output MATCHES "FAIL session-token")
  message(FATAL_ERROR "certificate-vectors did not find the change (status ${status}):\n${output}")
endif()
