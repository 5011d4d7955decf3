#include "io/mmap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace chitu {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(const char* path)
      : fd_(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const std::filesystem::path& path, const char* doing) {
  const int code = errno;
  return make_error(code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo, "{}: cannot {}: {}",
                    path.string(), doing, std::strerror(code));
}

std::uintptr_t address(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

std::size_t page_size() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
  const FileDescriptor file(path.c_str());
  if (file.get() < 0) return system_error(path, "be opened");
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return system_error(path, "be examined");
  if (!S_ISREG(status.st_mode)) {
    return make_error(ErrorCode::kIo, "{}: not a regular file", path.string());
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile(nullptr, 0);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return system_error(path, "be mapped into memory");
  return MappedFile(static_cast<const std::byte*>(data), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

bool MappedFile::contains(const void* data, std::size_t size) const {
  return address(data) >= address(data_) && size <= size_ &&
         address(data) - address(data_) <= size_ - size;
}

void MappedFile::will_need(const void* data, std::size_t size) const {
  CHECK(contains(data, size));
  const std::uintptr_t begin = address(data) / page_size() * page_size();
  // Advice may be refused without harm, so its result is not looked at; likewise below.
  ::madvise(reinterpret_cast<void*>(begin), address(data) + size - begin, MADV_WILLNEED);
}

void MappedFile::release(const void* data, std::size_t size) const {
  CHECK(contains(data, size));
  const std::size_t page = page_size();
  const std::uintptr_t begin = (address(data) + page - 1) / page * page;
  // The file's last page holds nothing after the file, so it goes as well.
  const bool to_end = address(data) + size == address(data_) + size_;
  const std::uintptr_t end = to_end ? (address(data) + size + page - 1) / page * page
                                    : (address(data) + size) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace chitu
