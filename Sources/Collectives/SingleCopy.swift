import CMPIShim
import Foundation

/// How ranks of one host copy long messages: straight out of each other's memory, where the kernel lets them.
///
/// Containers forbid it. Open MPI then writes a line for each message, or, with a user namespace for each rank, waits for ever
/// (4.1.4, seen). So it is told beforehand not to try; a user's own setting wins.
enum SingleCopy {
  /// What Open MPI 4 and 5 read.
  static let settings = ["OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_smsc": "^cma"]

  /// Tells Open MPI not to try where it is forbidden; before MPI starts.
  static func turnOffWhereForbidden() {
    guard isForbidden() else { return }
    for (name, value) in settings { setenv(name, value, 0) }
  }

  /// Whether a container forbids it, as far as one process alone can see.
  static func isForbidden(userMap: String? = try? String(contentsOfFile: "/proc/self/uid_map", encoding: .utf8)) -> Bool {
    let byte = UnsafeMutablePointer<UInt8>.allocate(capacity: 1)
    defer { byte.deallocate() }
    // Without the right even to its own memory, the call itself is filtered.
    guard cmpi_can_read(getpid(), UInt64(UInt(bitPattern: byte))) == 0 else { return true }
    // Outside any container there is one namespace, which maps every user to itself.
    guard let words = userMap?.split(whereSeparator: \.isWhitespace) else { return false }
    return words != ["0", "0", "4294967295"]
  }
}
