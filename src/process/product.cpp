#include "battery_twin/process/product.hpp"

#include <array>
#include <bit>

namespace battery_twin::process {
namespace {

constexpr std::size_t kNumbers = sizeof(Product) / sizeof(double);
using Numbers = std::array<double, kNumbers>;
using Packs = std::array<Pack, kNumbers>;

// Both are nothing but numbers in the same order.
static_assert(std::is_trivially_copyable_v<Product> && sizeof(ProductBlock) == sizeof(Packs));

}  // namespace

Product cell_of(const ProductBlock& block, std::size_t lane) {
  const auto packs = std::bit_cast<Packs>(block);
  Numbers numbers{};
  for (std::size_t i = 0; i < kNumbers; ++i) numbers[i] = packs[i].lane[lane];
  return std::bit_cast<Product>(numbers);
}

void set_cell(ProductBlock& block, std::size_t lane, const Product& product) {
  const auto numbers = std::bit_cast<Numbers>(product);
  auto packs = std::bit_cast<Packs>(block);
  for (std::size_t i = 0; i < kNumbers; ++i) packs[i].lane[lane] = numbers[i];
  block = std::bit_cast<ProductBlock>(packs);
}

}  // namespace battery_twin::process
