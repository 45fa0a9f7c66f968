import Foundation

/// What a container or a batch system allows this process, beyond what the machine has: the kernel's control groups.
///
/// Limits of the groups above hold too, so every folder up to the root is looked at.
package enum ControlGroup {
  /// The older kind writes a huge number for no limit.
  private static let noLimit = 1 << 60

  /// Cores' worth of processor time; nil without a limit.
  package static func cores(root: String = "/sys/fs/cgroup", membership: String? = Machine.text("/proc/self/cgroup")) -> Double? {
    let unified = folders(root, membership, controller: nil).compactMap { folder -> Double? in
      let words = Machine.text("\(folder)/cpu.max")?.split { $0 == " " || $0 == "\n" } ?? []
      guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), period > 0 else { return nil }
      return quota / period
    }
    let older = folders(root, membership, controller: "cpu").compactMap { folder -> Double? in
      guard let quota = number("\(folder)/cpu.cfs_quota_us"), let period = number("\(folder)/cpu.cfs_period_us") else {
        return nil
      }
      return quota > 0 && period > 0 ? Double(quota) / Double(period) : nil
    }
    return (unified + older).min()
  }

  /// What a group says about memory.
  struct MemoryLimit: Equatable {
    /// Bytes that the group's processes may take together.
    package var limit: Int
    /// Bytes of them that are taken, without what was read from files and can be dropped.
    var used: Int
    /// Bytes of swap that the processes may take besides; nil without a limit.
    var swap: Int?
  }

  /// The memory of the process's group and of those above it that have a limit.
  static func memory(
    root: String = "/sys/fs/cgroup", membership: String? = Machine.text("/proc/self/cgroup")
  ) -> [MemoryLimit] {
    let unified = folders(root, membership, controller: nil).compactMap { folder in
      let swap = number("\(folder)/memory.swap.max")
      return memory(folder, limit: "memory.max", usage: "memory.current", cache: "inactive_file", swap: swap)
    }
    let older = folders(root, membership, controller: "memory").compactMap { folder -> MemoryLimit? in
      var memory = memory(folder, limit: "memory.limit_in_bytes", usage: "memory.usage_in_bytes", cache: "total_inactive_file")
      // Memory and swap together.
      if let limit = memory?.limit, let both = number("\(folder)/memory.memsw.limit_in_bytes"), both < noLimit {
        memory?.swap = max(0, both - limit)
      }
      return memory
    }
    return unified + older
  }

  private static func memory(_ folder: String, limit: String, usage: String, cache: String, swap: Int? = nil) -> MemoryLimit? {
    guard let limit = number("\(folder)/\(limit)"), (0..<noLimit).contains(limit) else { return nil }
    let lines = Machine.text("\(folder)/memory.stat")?.split(separator: "\n") ?? []
    let dropped = lines.first { $0.hasPrefix("\(cache) ") }.flatMap { Int($0.dropFirst(cache.count + 1)) } ?? 0
    let used = number("\(folder)/\(usage)") ?? 0
    return MemoryLimit(limit: limit, used: max(0, used - min(used, max(0, dropped))), swap: swap)
  }

  /// The process's group and all above it, as seen from here; a container may see only the root.
  private static func folders(_ root: String, _ membership: String?, controller: String?) -> [String] {
    let top = controller.map { "\(root)/\($0)" } ?? root
    var parts: [Substring] = []
    for line in (membership ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, controller.map({ fields[1].split(separator: ",").contains(Substring($0)) }) ?? fields[1].isEmpty
      else { continue }
      parts = fields[2].split(separator: "/")
    }
    return (0...parts.count).map { ([top] + parts.prefix($0).map(String.init)).joined(separator: "/") }
  }

  private static func number(_ path: String) -> Int? {
    Machine.text(path).flatMap { Int($0.filter { !$0.isWhitespace }) }
  }
}
