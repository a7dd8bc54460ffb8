// Beast's own code is compiled here, once, instead of in every file that uses it.
#include <boost/beast/src.hpp>
