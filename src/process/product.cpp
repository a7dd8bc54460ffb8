#include "battery_twin/process/product.hpp"

#include <cstring>

namespace battery_twin::process {
namespace {

constexpr std::size_t kNumbers = sizeof(Product) / sizeof(double);

// Both are nothing but numbers in the same order.
static_assert(std::is_trivially_copyable_v<Product> && std::is_trivially_copyable_v<ProductBlock> &&
              sizeof(ProductBlock) == kNumbers * sizeof(CellPack));

constexpr std::size_t place(std::size_t number, std::size_t lane) {
  return number * sizeof(CellPack) + lane * sizeof(double);
}

}  // namespace

Product cell_of(const ProductBlock& block, std::size_t lane) {
  Product product;
  auto* to = reinterpret_cast<std::byte*>(&product);              // NOLINT(*-reinterpret-cast)
  const auto* from = reinterpret_cast<const std::byte*>(&block);  // NOLINT(*-reinterpret-cast)
  for (std::size_t i = 0; i < kNumbers; ++i)
    std::memcpy(to + i * sizeof(double), from + place(i, lane), sizeof(double));
  return product;
}

void set_cell(ProductBlock& block, std::size_t lane, const Product& product) {
  auto* to = reinterpret_cast<std::byte*>(&block);                  // NOLINT(*-reinterpret-cast)
  const auto* from = reinterpret_cast<const std::byte*>(&product);  // NOLINT(*-reinterpret-cast)
  for (std::size_t i = 0; i < kNumbers; ++i)
    std::memcpy(to + place(i, lane), from + i * sizeof(double), sizeof(double));
}

}  // namespace battery_twin::process
