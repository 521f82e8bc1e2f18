"""What tools/bench and tools/bench_coroutines share: how rivals are built, and what is said about the machine.

Nothing is downloaded: Rust's crates are Debian's (/usr/share/cargo/registry), Go's program needs its standard
library alone. Who cannot be built raises Missing with the reason, and its cells say "not compared".
"""
import glob
import json
import os
import platform
import shutil
import subprocess
import sys

BUILD = "build/bench"
CRATES = os.environ.get("CRATES", "/usr/share/cargo/registry")
FLAGS = "-O2 -DNDEBUG"  # ours and every C++ rival


class Missing(Exception):
    """Why a rival is not there."""


def must(*command, **more):
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        print(done.stdout)
        raise Missing("`" + " ".join(command[:2]) + "` failed; its output is above")


def configure():
    must("cmake", "-S", ".", "-B", f"{BUILD}/cmake", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DSTRAIT_BUILD_TESTS=OFF",
         "-DSTRAIT_BUILD_EXAMPLES=OFF", f"-DCMAKE_CXX_FLAGS_RELEASE={FLAGS}", "--log-level=WARNING")


def cpp(target):
    """Builds a target of bench/CMakeLists.txt; the program."""
    if os.path.exists(f"{BUILD}/cmake/bench/{target}.missing"):
        with open(f"{BUILD}/cmake/bench/{target}.missing", encoding="utf-8") as file:
            raise Missing(file.read().strip())
    must("cmake", "--build", f"{BUILD}/cmake", "--target", target)
    return f"{BUILD}/cmake/bench/{target}"


def go(source, name, *files):
    """Builds a Go program of files in the folder source; the program."""
    if shutil.which("go") is None:
        raise Missing("Go is not installed (Debian: golang-go)")
    program = os.path.abspath(f"{BUILD}/{name}")
    must("go", "build", "-o", program, *files, cwd=source,
         env={**os.environ, "GO111MODULE": "off", "GOCACHE": os.path.abspath(f"{BUILD}/go-cache")})
    return program


def rust_tools():
    """(cargo, rustc): Debian's where it is, whatever comes first on PATH; CARGO and RUSTC in the environment win."""
    debian = all(os.access(f"/usr/bin/{tool}", os.X_OK) for tool in ("cargo", "rustc"))
    tools = []
    for tool in ("cargo", "rustc"):
        found = os.environ.get(tool.upper()) or (f"/usr/bin/{tool}" if debian and "CARGO" not in os.environ
                                                 else shutil.which(tool))
        if found is None:
            raise Missing(f"Rust is not installed (Debian: {tool})")
        tools.append(found)
    return tools


def rust(source, name, needed, optional=()):
    """Builds the crate in the folder source from the crates it needs and those that may be there: a feature each.
    Returns (program, {crate that is left out: why})."""
    cargo, rustc = rust_tools()
    why = {crate: f"the crate {crate} is not installed (Debian: librust-{crate}-dev)"
           for crate in (*needed, *optional) if crate_version(crate) is None}
    for crate in needed:
        if crate in why:
            raise Missing(why[crate])
    # In a copy: cargo writes Cargo.lock beside Cargo.toml, and one of a newer cargo is unreadable to an older one.
    copy = f"{BUILD}/{name}"
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("target"))
    if os.path.exists(f"{copy}/Cargo.lock"):
        os.remove(f"{copy}/Cargo.lock")
    with open(f"{source}/Cargo.toml", encoding="utf-8") as file:  # cargo wants even the optional ones to exist
        lines = [line for line in file if line.split(" = ")[0] not in why]
    with open(f"{copy}/Cargo.toml", "w", encoding="utf-8") as file:
        file.writelines(lines)
    must(cargo, "build", "--release", "--offline", "--features", ",".join(c for c in optional if c not in why),
         "--config", "source.crates-io.replace-with='disk'", "--config", f"source.disk.directory='{CRATES}'",
         cwd=copy, env={**os.environ, "RUSTC": rustc, "CARGO_TARGET_DIR": "target"})
    return f"{copy}/target/release/{name}", why


def said(*command):
    """The first line that a program says about itself, or None."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def package(name):
    """The version of a Debian package, or None."""
    version = said("dpkg-query", "-W", "-f=${db:Status-Status} ${Version}\n", name)
    return version.split()[1] if version and version.startswith("installed ") else None


def crate_version(name):
    """The version of a crate on the disk, or None."""
    found = sorted(glob.glob(f"{CRATES}/{name}-[0-9]*"))
    return found[-1].rsplit("-", 1)[1] if found else None


def pack(folder, tool, programs, said_about):
    """Copies programs (paths, in dictionaries of any depth) into a folder, for a machine that cannot build them, beside
    what a tool wants to say about them."""
    def copied(entry):
        if isinstance(entry, dict):
            return {name: copied(below) for name, below in entry.items()}
        shutil.copy2(entry, folder)
        return os.path.basename(entry)

    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{tool}.json", "w", encoding="utf-8") as file:
        json.dump({"programs": copied(programs), "commit": commit(), "said": said_about}, file, indent=1)
    print(f"{folder}: the programs, {tool}.json")


def packed(folder, tool):
    """(programs, what is said about them) as they were packed; commit() is theirs from now on."""
    def found(entry):
        return {name: found(below) for name, below in entry.items()} if isinstance(entry, dict) else os.path.abspath(f"{folder}/{entry}")

    global commit_of_pack
    try:
        with open(f"{folder}/{tool}.json", encoding="utf-8") as file:
            of = json.load(file)
    except OSError:
        sys.exit(f"tools/{tool}: there is no {folder}/{tool}.json; tools/{tool} --pack {folder} writes it")
    commit_of_pack = of["commit"]
    return found(of["programs"]), of["said"]


commit_of_pack = None


def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.machine()
    return f"{platform.machine()}, {model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"


def commit():
    if commit_of_pack is not None:
        return commit_of_pack
    name = said("git", "rev-parse", "--short=10", "HEAD") or "unknown"
    return name + (" and changes" if said("git", "status", "--porcelain", "--untracked-files=no") else "")


def count(n, one, many=None):
    return f"{n} {one if n == 1 else many or one + 's'}"
