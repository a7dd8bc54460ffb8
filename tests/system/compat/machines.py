"""The Python server's machines: fields with good values, and the front end's names."""

MIXING = {"AM_ratio": 0.5, "CA_ratio": 0.03, "PVDF_ratio": 0.02, "solvent_ratio": 0.45}
INSPECTION = {"epsilon_width_max": 1e-4, "epsilon_thickness_max": 1e-5, "B_max": 2.0, "D_surface_max": 3.0}
ELECTRODE = {
    "mixing": MIXING,
    "coating": {"coating_speed": 0.05, "gap_height": 2e-4, "flow_rate": 5e-6, "coating_width": 0.5},
    "drying": {"web_speed": 0.05},
    "calendaring": {"roll_gap": 1e-4, "roll_pressure": 2e6, "temperature": 80.0, "roll_speed": 2.0,
                    "dry_thickness": 1e-4, "initial_porosity": 0.5},
    "slitting": {"blade_sharpness": 8.0, "slitting_speed": 1.5, "target_width": 0.1, "slitting_tension": 150.0},
    "inspection": INSPECTION,
}
CELL = {
    "rewinding": {"rewinding_speed": 0.5, "initial_tension": 100.0, "tapering_steps": 0.3, "environment_humidity": 30.0},
    "electrolyte_filling": {"vacuum_level": 100.0, "vacuum_filling": 100.0, "soaking_time": 10.0},
    "formation_cycling": {"charge_current_A": 0.05, "charge_voltage_limit_V": 4.2, "initial_voltage": 0.1,
                          "formation_duration_s": 200.0},
    "aging": {"k_leak": 1e-8, "temperature": 25.0, "aging_time_days": 10.0},
}
LAYOUT = {"anode": ELECTRODE, "cathode": ELECTRODE, "cell": CELL}
MAY_BE_ABSENT = {"dry_thickness", "initial_porosity", "formation_duration_s"}
OPTIONAL = {"dry_thickness", "initial_porosity"}
LABELS = {
    "coating": {"Coating Speed": "coating_speed", "Gap Height": "gap_height", "Flow Rate": "flow_rate",
                "Coating Width": "coating_width"},
    "drying": {"Web Speed": "web_speed"},
    "calendaring": {"Roll Gap": "roll_gap", "Roll Pressure": "roll_pressure", "Temperature": "temperature",
                    "Roll Speed": "roll_speed", "Dry Thickness": "dry_thickness", "Initial Porosity": "initial_porosity"},
    "slitting": {"Blade Sharpness": "blade_sharpness", "Slitting Speed": "slitting_speed",
                 "Target Width": "target_width", "Slitting Tension": "slitting_tension"},
    "inspection": {"Width Tolerance": "epsilon_width_max", "Thickness Tolerance": "epsilon_thickness_max",
                   "B Max": "B_max", "Defects Allowed": "D_surface_max"},
    "rewinding": {"Rewinding Speed": "rewinding_speed", "Initial Tension": "initial_tension",
                  "Tapering Steps": "tapering_steps", "Environment Humidity": "environment_humidity"},
    "electrolyte_filling": {"Vacuum Level": "vacuum_level", "Vacuum Filling": "vacuum_filling",
                            "Soaking Time": "soaking_time"},
    "formation_cycling": {"Charge Current": "charge_current_A", "Voltage": "charge_voltage_limit_V",
                          "Initial Voltage": "initial_voltage"},
    "aging": {"Leak Rate": "k_leak", "Temperature": "temperature", "Aging Days": "aging_time_days"},
}
STAGES = {(line.title() + " " if line != "cell" else "") + machine.replace("_", " ").title(): (line, machine)
          for line, machines in LAYOUT.items() for machine in machines}
TABLES = {(line + "_" if line != "cell" else "") + machine for line, machines in LAYOUT.items() for machine in machines}
