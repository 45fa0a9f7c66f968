import Foundation

/// What this host says about itself.
package enum Machine {
  /// A small file's text; nil when it cannot be read.
  package static func text(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

  /// The host's name, which every rank and every file of ours calls it by; `localhost` when it has none.
  package static var host: String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      buffer.initialize(repeating: 0)
      guard let base = buffer.baseAddress, gethostname(base, buffer.count - 1) == 0 else { return "localhost" }
      let name = String(cString: base)
      // It is part of file names.
      return name.isEmpty || name.contains("/") ? "localhost" : name
    }
  }

  /// The cores that the calling thread may use.
  package static var affinity: [Int] {
    CoreList.cores(field("Cpus_allowed_list", in: text("/proc/thread-self/status") ?? "") ?? "")
  }

  /// How many cores the machine has, whoever may use them; nil where the system does not say.
  package static var onlineCores: Int? { text("/sys/devices/system/cpu/online").map { CoreList.cores($0).count } }

  /// Bytes that may still be taken: the machine's, or fewer where a control group says so.
  package static var memory: Int { hostMemory.free }

  /// What this process and its neighbors may take: the machine's memory, or less where a control group says so.
  package static var hostMemory: HostMemory {
    let limit = limit("Max address space")
    return hostMemory(
      text("/proc/meminfo") ?? "", groups: ControlGroup.memory(), addressSpace: limit == .max ? nil : limit)
  }

  /// The same from what the system says.
  static func hostMemory(_ facts: String, groups: [ControlGroup.MemoryLimit], addressSpace: Int?) -> HostMemory {
    func bytes(_ name: String) -> Int {
      let word = field(name, in: facts).flatMap { $0.split(separator: " ").first }
      return word.flatMap { Int($0) }.map { $0 << 10 } ?? 0
    }
    let swap = bytes("SwapTotal")
    var host = HostMemory(
      holder: "this machine", total: bytes("MemTotal") + swap, free: bytes("MemAvailable"), addressSpace: addressSpace)
    for group in groups {
      let total = group.limit + min(group.swap ?? swap, swap)
      if total < host.total { (host.holder, host.total) = ("this process's control group", total) }
      host.free = min(host.free, max(0, group.limit - group.used))
    }
    return host
  }

  /// Bytes that are free in `/dev/shm`; nil where there is none.
  package static var sharedMemory: Int? {
    var facts = statvfs()
    guard statvfs("/dev/shm", &facts) == 0 else { return nil }
    return Int(facts.f_bavail) * Int(facts.f_frsize)
  }

  /// How the kernel gives out huge pages: `always`, `madvise`, `never`.
  package static var hugePages: String? { text("/sys/kernel/mm/transparent_hugepage/enabled").flatMap(chosen) }

  /// Whether there is a network that wants locked memory: InfiniBand and its like.
  package static var hasRemoteMemory: Bool {
    (try? FileManager.default.contentsOfDirectory(atPath: "/sys/class/infiniband").isEmpty) == false
  }

  /// A limit of this process in force, in its unit; nil when it is unknown, `Int.max` when there is none.
  package static func limit(_ name: String, in text: String? = text("/proc/self/limits")) -> Int? {
    guard let line = text?.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
    guard let word = line.dropFirst(name.count).split(separator: " ").first else { return nil }
    return word == "unlimited" ? .max : Int(word)
  }

  /// The size of the program's file: hosts with different ones run different builds.
  package static var programBytes: Int? {
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return path.flatMap { (try? FileManager.default.attributesOfItem(atPath: $0))?[.size] as? Int }
  }

  /// The word in brackets: `always [madvise] never` → `madvise`.
  static func chosen(_ text: String) -> String? {
    guard let start = text.firstIndex(of: "["), let end = text[start...].firstIndex(of: "]") else { return nil }
    return String(text[text.index(after: start)..<end])
  }

  /// The value of `name:` in lines of names and values.
  private static func field(_ name: String, in text: String) -> String? {
    let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
    return line.map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
  }
}

/// Sets of cores as the kernel writes them: `0-3,8`.
package enum CoreList {
  /// The cores of a list; a part that is no number or range is left out.
  static func cores(_ text: String) -> [Int] {
    text.split(separator: ",").flatMap { part -> [Int] in
      let ends = part.split(separator: "-").compactMap { Int($0.filter { !$0.isWhitespace }) }
      guard let first = ends.first, let last = ends.last, first >= 0, first <= last, last < 1 << 16 else { return [] }
      return Array(first...last)
    }
  }

  /// The list of some numbers.
  package static func text(_ numbers: some Sequence<Int>) -> String {
    var parts: [ClosedRange<Int>] = []
    for number in Set(numbers).sorted() {
      if let last = parts.last, last.upperBound + 1 == number {
        parts[parts.count - 1] = last.lowerBound...number
      } else {
        parts.append(number...number)
      }
    }
    return parts.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
  }
}
