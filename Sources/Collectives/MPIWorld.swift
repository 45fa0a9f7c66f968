import CMPIShim
import Glibc
import Synchronization

/// The world of ranks that are processes: started and stopped once a process, and only when a launcher is there.
public enum MPIWorld {
  /// The MPI library that this program is linked with, such as `Open MPI 4.1.4`; known before anything is started.
  public static let library = name(ofLibrary: mpiText { cmpi_library($0, $1) })

  /// Starts MPI and joins the launcher's world; from now on only this thread may use the communicator.
  ///
  /// Throws a `LaunchError` when the world is not the launcher's: every process would train a whole run of its own; and a
  /// `ThreadLevelError` when the library promises less about threads than is needed. When it throws, other ranks may wait for this one:
  /// the caller says why and calls `abort`.
  public static func start(_ launch: Launch) throws -> MPICommunicator {
    if let refusal = launch.refusal(linkedWith: library) { throw refusal }
    let isFirst = hasStarted.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
    precondition(isFirst, "MPI can be started once a process")
    SingleCopy.turnOffWhereForbidden()
    var call: UnsafePointer<CChar>?
    let code = cmpi_start(&call)
    try check(call.map { String(cString: $0) } ?? "", rank: launch.rank) { code }
    if let refusal = ThreadLevelError(level: threadLevel, library: library) { throw refusal }
    let communicator = MPICommunicator(carrier: library)
    if let refusal = launch.refusal(worldOf: communicator.size, rank: communicator.rank, linkedWith: library) {
      // Nobody waits for a rank that is alone.
      if communicator.size == 1 { try? stop() }
      throw refusal
    }
    return communicator
  }

  /// Whether MPI was started and not ended.
  public static var isRunning: Bool { cmpi_is_running() != 0 }

  /// What MPI promises about threads; funneled is what is asked for, and enough: one thread calls MPI, others write files.
  public static var threadLevel: String {
    ["single", "funneled", "serialized", "multiple"][Int(min(max(cmpi_thread_level(), 0), 3))]
  }

  /// This rank's host, as MPI knows it.
  public static var processor: String { mpiText { _ = cmpi_processor($0, $1) } }

  /// Ends MPI, waiting for all ranks to do so; nothing happens when it was not started.
  ///
  /// Throws when messages are under way: they would be written into memory that nobody owns any more.
  public static func stop() throws {
    guard isRunning else { return }
    try check("MPI_Finalize", rank: Int(cmpi_rank())) { cmpi_stop() }
  }

  /// Waits until no message of this rank is under way, and ends MPI.
  public static func stop(_ communicator: MPICommunicator) throws {
    try communicator.settle()
    try stop()
  }

  /// Ends every rank of the job with an exit status, also those that wait for this one.
  ///
  /// Prints nothing: the caller has said why.
  public static func abort(_ status: Int32) -> Never {
    guard isRunning else { exit(status) }
    cmpi_abort(status)
    exit(status)
  }

  /// Cuts messages into pieces of this many bytes, on every rank; for tests, as pieces of 2^28 bytes are slow to fill.
  public static func setPiece(bytes: Int) { cmpi_set_piece(Int64(bytes)) }

  /// Whether this process may read another one's memory, as MPI libraries do to copy long messages only once; needs no MPI.
  public static func canRead(process: Int, address: UInt64) -> Bool {
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

  private static let hasStarted = Atomic<Bool>(false)
}
