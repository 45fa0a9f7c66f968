import CMPIShim
import Foundation
import Glibc
import Synchronization

/// The world of ranks that are processes: started and stopped once a process, and only when a launcher is there.
package enum MPIWorld {
  /// The MPI library that this program is linked with, such as `Open MPI 4.1.4`; known before anything is started.
  package static let library = name(ofLibrary: mpiText { cmpi_library($0, $1) })
  private static let hasStarted = Atomic<Bool>(false)

  /// Starts MPI and joins the launcher's world; from now on only this thread may use the communicator.
  ///
  /// Throws a `LaunchError` when the world is not the launcher's: every process would train a whole run of its own; and a
  /// `ThreadLevelError` when the library promises less about threads than is needed. When it throws, other ranks may wait for this one:
  /// the caller says why and calls `abort`.
  package static func start(_ launch: Launch) throws -> MPICommunicator {
    if let refusal = launch.refusal(linkedWith: library) { throw refusal }
    let isFirst = hasStarted.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    precondition(isFirst, "MPI can be started once a process")
    SingleCopy.turnOffWhereForbidden()
    var call: UnsafePointer<CChar>?
    let code = cmpi_start(&call)
    try check(call.map { String(cString: $0) } ?? "", rank: launch.rank) { code }
    if let refusal = ThreadLevelError(level: threadLevel, library: library) { throw refusal }
    let communicator = MPICommunicator(backend: library)
    if let refusal = launch.refusal(worldOf: communicator.size, rank: communicator.rank, linkedWith: library) {
      // Nobody waits for a rank that is alone.
      if communicator.size == 1 { try? stop() }
      throw refusal
    }
    return communicator
  }

  /// Whether MPI was started and not ended.
  package static var isRunning: Bool { cmpi_is_running() != 0 }

  /// What MPI promises about threads; funneled is what is asked for, and enough: one thread calls MPI, others write files.
  package static var threadLevel: String {
    ["single", "funneled", "serialized", "multiple"][Int(min(max(cmpi_thread_level(), 0), 3))]
  }

  /// Ends MPI, waiting for all ranks to do so; nothing happens when it was not started.
  ///
  /// Throws when messages are under way: they would be written into memory that nobody owns any more.
  package static func stop() throws {
    guard isRunning else { return }
    try check("MPI_Finalize", rank: Int(cmpi_rank())) { cmpi_stop() }
  }

  /// Waits until no message of this rank is under way, and ends MPI.
  package static func stop(_ communicator: MPICommunicator) throws {
    try communicator.settle()
    try stop()
  }

  /// Ends every rank of the job with an exit status, also those that wait for this one.
  ///
  /// Prints nothing: the caller has said why.
  package static func abort(_ status: Int32) -> Never {
    guard isRunning else { exit(status) }
    cmpi_abort(status)
    exit(status)
  }

  /// Cuts messages into pieces of this many bytes, on every rank; for tests, as pieces of 2^28 bytes are slow to fill.
  static func setPiece(bytes: Int) { cmpi_set_piece(Int64(bytes)) }

  /// Whether this process may read another one's memory, as MPI libraries do to copy long messages only once; needs no MPI.
  package static func canRead(process: Int, address: UInt64) -> Bool {
    cmpi_can_read(Int32(truncatingIfNeeded: process), address) == 0
  }

  /// `Open MPI v4.1.4, package: …` → `Open MPI 4.1.4`; `MPICH Version:	4.0.2` → `MPICH 4.0.2`.
  static func name(ofLibrary text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    let words = line.split { $0 == " " || $0 == "\t" || $0 == "," }.map(String.init)
    if words.count >= 3, words[0] == "Open", words[2].hasPrefix("v") { return "Open MPI \(words[2].dropFirst())" }
    if words.count >= 3, words[0] == "MPICH" { return "MPICH \(words[2])" }
    return words.prefix(6).joined(separator: " ")
  }
}

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

/// An MPI library that does not allow what this program does: other threads beside the one that calls MPI.
package struct ThreadLevelError: Error, CustomStringConvertible, Equatable {
  /// What the library promises: `single`.
  package let level: String
  /// The library.
  package let library: String

  /// Nil when the level is enough.
  init?(level: String, library: String) {
    guard level == "single" else { return nil }
    (self.level, self.library) = (level, library)
  }

  /// One sentence.
  package var description: String {
    "\(library) promises MPI_THREAD_\(level.uppercased()) and allows no thread beside the one that calls it, but checkpoints are written "
      + "by another (MPI_THREAD_FUNNELED); use an MPI that is built with support for threads"
  }
}
