# `cpack` in the build folder makes battery-twin_VERSION_ARCHITECTURE.deb.
include(GNUInstallDirs)
set(documents ${CMAKE_INSTALL_DATADIR}/doc/battery-twin)

install(TARGETS battery-twin RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# Pages and the options' file lead to what is installed: installed_text.sh.
file(GLOB pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} docs/*.md)
set(installed_texts "")
foreach(text README.md CHANGELOG.md ${pages} config/battery-twin.toml)
  add_custom_command(
    OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/installed/${text}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/config/debian/installed_text.sh ${CMAKE_CURRENT_SOURCE_DIR}/${text}
            ${CMAKE_CURRENT_BINARY_DIR}/installed/${text}
    DEPENDS ${text} config/debian/installed_text.sh
    VERBATIM)
  list(APPEND installed_texts ${CMAKE_CURRENT_BINARY_DIR}/installed/${text})
  get_filename_component(folder ${text} DIRECTORY)
  if(NOT folder STREQUAL "config")
    install(FILES ${CMAKE_CURRENT_BINARY_DIR}/installed/${text} DESTINATION ${documents}/${folder})
  endif()
endforeach()
install(DIRECTORY docs DESTINATION ${documents} PATTERN "*.py" EXCLUDE PATTERN "*.1" EXCLUDE PATTERN "*.md" EXCLUDE)

# Whose all this is: our own part and the C++ libraries, then what the dashboard's build has found of its packages.
set(copyright ${CMAKE_CURRENT_BINARY_DIR}/copyright)
set(dashboard_licences "")
set(dashboard_made "")
if(BATTERY_TWIN_DASHBOARD)
  set(dashboard_licences "'${dashboard_folder}'/assets/licenses-*.txt")
  set(dashboard_made ${embedded_files})
endif()
add_custom_command(
  OUTPUT ${copyright}
  COMMAND sh -c "cat '${CMAKE_CURRENT_SOURCE_DIR}/config/debian/copyright' ${dashboard_licences} > '${copyright}'"
  DEPENDS config/debian/copyright ${dashboard_made}
  VERBATIM)
install(FILES ${copyright} DESTINATION ${documents})
install(DIRECTORY config/cells config/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/battery-twin)

# Pages of the manual are compressed, without the time, so that two builds of one source are the same.
set(manual ${CMAKE_CURRENT_BINARY_DIR}/battery-twin.1.gz)
find_program(GZIP gzip REQUIRED)
add_custom_command(
  OUTPUT ${manual}
  COMMAND sh -c "${GZIP} -9nc '${CMAKE_CURRENT_SOURCE_DIR}/docs/battery-twin.1' > '${manual}'"
  DEPENDS docs/battery-twin.1
  VERBATIM)
add_custom_target(installed_texts ALL DEPENDS ${manual} ${copyright} ${installed_texts})
add_dependencies(installed_texts battery_twin_app)  # which makes the dashboard: not twice at once
install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

install(FILES ${CMAKE_CURRENT_BINARY_DIR}/installed/config/battery-twin.toml DESTINATION /etc/battery-twin)
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
