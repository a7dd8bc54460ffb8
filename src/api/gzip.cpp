#include "gzip.hpp"

#include <zlib.h>

#include <new>
#include <stdexcept>

namespace battery_twin::api {

std::string gzipped(std::string_view text) {
  constexpr int kGzipWindow = 15 + 16;
  constexpr int kMemoryLevel = 9;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  std::string out;
  try {
    out.resize(deflateBound(&stream, static_cast<uLong>(text.size())));
  } catch (...) {
    deflateEnd(&stream);
    throw;
  }
  // zlib does not write through it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  // With so much room it ends at once.
  if (result != Z_STREAM_END) throw std::logic_error("zlib needed more room than it had said");
  out.shrink_to_fit();
  return out;
}

}  // namespace battery_twin::api
