import Foundation

/// What a container or a batch system allows this process, beyond what the machine has: the kernel's control groups.
///
/// Limits of the groups above hold too, so every folder up to the root is looked at.
enum ControlGroup {
  /// Cores' worth of processor time; nil without a limit.
  static func cores(root: String = "/sys/fs/cgroup", membership: String? = Machine.text("/proc/self/cgroup")) -> Double? {
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

  /// Bytes that may still be taken; nil without a limit.
  static func memory(root: String = "/sys/fs/cgroup", membership: String? = Machine.text("/proc/self/cgroup")) -> Int? {
    let unified = folders(root, membership, controller: nil).map { ("\($0)/memory.max", "\($0)/memory.current") }
    let older = folders(root, membership, controller: "memory").map {
      ("\($0)/memory.limit_in_bytes", "\($0)/memory.usage_in_bytes")
    }
    return (unified + older).compactMap { limit, usage in
      // The older kind writes a huge number for no limit.
      guard let limit = number(limit), limit < 1 << 60 else { return nil }
      return max(0, limit - (number(usage) ?? 0))
    }.min()
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
