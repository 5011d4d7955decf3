// How many files and sockets the process may have open.
#pragma once

namespace chitu::app {

// Raises the soft limit, 1,024 on many systems, to the hard one. Where that fails, files and
// sockets that cannot be had are errors as before.
void allow_many_files();

}  // namespace chitu::app
