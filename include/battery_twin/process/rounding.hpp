#pragma once

namespace battery_twin::process {

/// The number whose decimal form with four places is nearest, ties decided on the exact binary value:
/// what Python's round(x, 4) gives.
[[nodiscard]] double round4_correctly(double value);

/// nearbyint(x·1e4)/1e4: what NumPy's round(x, 4) gives, one rounding of the product earlier.
[[nodiscard]] double round4_scaled(double value);

}  // namespace battery_twin::process
