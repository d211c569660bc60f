# Sourced by tests/run.sh and examples/quickstart.sh: progress lines and Debian packages.
# Works as root or with sudo; asks apt for nothing when everything is there.

build_packages=(
  ca-certificates ccache cmake g++ git golang-etcd-server-dev golang-go mold ninja-build pkg-config
  libboost1.81-dev libboost-json1.81-dev libboost-system1.81-dev libboost-url1.81-dev
  libbenchmark-dev libbz2-dev libcli11-dev libfuse3-dev libgflags-dev libgmock-dev libgoogle-perftools-dev
  libgtest-dev liblua5.4-dev liblz4-dev
  libnghttp2-dev librocksdb-dev libseccomp-dev libsnappy-dev libspdlog-dev libssl-dev libsystemd-dev
  libtomlplusplus-dev libuv1-dev libyaml-cpp-dev libzstd-dev zlib1g-dev
)
example_packages=(curl procps python3)
# autoconf, automake, libtool and make build the npm package aws-lambda-ric.
# e2fsprogs, fuse3: the disk of the power cuts; fiu-utils: its errors.
# chromium: the console is driven in it. clang: the fuzz targets.
test_packages=(autoconf automake chromium clang-14 curl e2fsprogs fiu-utils fuse3 libclang-rt-14-dev libtool make openssl
  procps python3 valgrind)
# A bare system for the package to be installed on.
full_packages=(debootstrap dpkg-dev file iproute2 util-linux)
# The console is built with them. Node may have come by another way than Debian's packages.
command -v npm >/dev/null || build_packages+=(nodejs npm)

started=$SECONDS

say() {
  local spent=$((SECONDS - started))
  printf '[%02d:%02d] %s\n' $((spent / 60)) $((spent % 60)) "$*"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "$0: installing packages needs root or sudo" >&2
    return 1
  fi
}

# install_packages PACKAGE...: those that are missing, in one go.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "packages: all there"
    return
  fi
  say "packages: installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    install "${missing[@]}" >/dev/null
  say "packages: installed"
}

# build_preset PRESET [TARGET...]: configures and builds, quietly unless something is wrong.
build_preset() {
  local preset=$1
  shift
  mkdir -p build
  say "build $preset: configuring"
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || {
    cat "build/$preset.configure.log"
    return 1
  }
  say "build $preset: compiling on $(nproc) processors"
  local targets=()
  [ $# -eq 0 ] || targets=(--target "$@")
  # A line of progress now and then; whatever is no progress line is worth showing.
  NINJA_STATUS='  [%f/%t, %es] ' cmake --build --preset "$preset" "${targets[@]}" | {
    local line steps=0
    while IFS= read -r line; do
      if [[ $line == '  ['[0-9]* ]]; then
        steps=$((steps + 1))
        ((steps % 25 == 0)) || continue
      fi
      printf '%s\n' "$line"
    done
  }
  say "build $preset: done"
}
