import CHost
import Glibc

/// What this process has started, and what those have, in whatever process group or session: Open MPI gives each rank its own.
enum Descendants {
  /// Has descendants whose parent ends become children of this process, so that none is lost from sight.
  static func adoptOrphans() { _ = chost_adopt_orphans() }

  /// Takes note of children that have ended.
  static func reap() {
    while waitpid(-1, nil, WNOHANG) > 0 {}
  }

  /// The descendants that run, as `/proc` knows them; those that have ended and wait for their parent are left out, and so are some
  /// others with all that is below them.
  static func running(without others: Set<pid_t> = []) -> [pid_t] {
    guard let folder = opendir("/proc") else { return [] }
    defer { closedir(folder) }
    var children: [pid_t: [(process: pid_t, runs: Bool)]] = [:]
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let process = pid_t(name), let (parent, state) = parent(of: process) else { continue }
      children[parent, default: []].append((process, state != "Z" && state != "X"))
    }
    var (found, waiting) = ([pid_t](), [getpid()])
    while let parent = waiting.popLast() {
      for child in children[parent] ?? [] where !others.contains(child.process) {
        if child.runs { found.append(child.process) }
        waiting.append(child.process)
      }
    }
    return found
  }

  /// A process's parent and state, from `/proc/N/stat`: `N (name) state parent …`, where the name may be anything.
  private static func parent(of process: pid_t) -> (parent: pid_t, state: Substring)? {
    let file = open("/proc/\(process)/stat", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    let text = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
      let count = read(file, buffer.baseAddress, buffer.count)
      return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }
    guard let end = text.lastIndex(of: ")") else { return nil }
    let words = text[text.index(after: end)...].split(separator: " ", maxSplits: 2)
    guard words.count > 1, let parent = pid_t(words[1]) else { return nil }
    return (parent, words[0])
  }
}
