# `cpack` in the build folder makes battery-twin_VERSION_ARCHITECTURE.deb.
include(GNUInstallDirs)
set(documents ${CMAKE_INSTALL_DATADIR}/doc/battery-twin)

install(TARGETS battery-twin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES README.md CHANGELOG.md DESTINATION ${documents})
install(DIRECTORY docs DESTINATION ${documents} PATTERN "*.py" EXCLUDE PATTERN "*.1" EXCLUDE)
install(DIRECTORY config/cells config/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/battery-twin)

# Pages of the manual are compressed, without the time, so that two builds of one source are the same.
set(manual ${CMAKE_CURRENT_BINARY_DIR}/battery-twin.1.gz)
find_program(GZIP gzip REQUIRED)
add_custom_command(
  OUTPUT ${manual}
  COMMAND sh -c "${GZIP} -9nc '${CMAKE_CURRENT_SOURCE_DIR}/docs/battery-twin.1' > '${manual}'"
  DEPENDS docs/battery-twin.1
  VERBATIM)
add_custom_target(manual ALL DEPENDS ${manual})
install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(FILES config/battery-twin.toml DESTINATION /etc/battery-twin)
install(FILES config/debian/battery-twin.service DESTINATION /lib/systemd/system)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # for what does not go below the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME battery-twin)
set(CPACK_PACKAGE_VERSION ${BATTERY_TWIN_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION "A server that simulates 16 machines from slurry to aged cell, and lets people drive
and watch them over HTTP, WebSocket and a dashboard in the browser.")
set(CPACK_PACKAGE_CONTACT "battery-twin developers <battery-twin@localhost>")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS init-system-helpers)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS postgresql)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(scripts ${CMAKE_CURRENT_SOURCE_DIR}/config/debian)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/conffiles "/etc/battery-twin/battery-twin.toml\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${scripts}/postinst ${scripts}/prerm ${scripts}/postrm
                                       ${CMAKE_CURRENT_BINARY_DIR}/conffiles)
include(CPack)
