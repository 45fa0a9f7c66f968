/// An MPI library that does not allow what this program does: other threads beside the one that calls MPI.
public struct ThreadLevelError: Error, CustomStringConvertible, Equatable {
  /// What the library promises: `single`.
  public let level: String
  /// The library.
  public let library: String

  /// Nil when the level is enough.
  init?(level: String, library: String) {
    guard level == "single" else { return nil }
    (self.level, self.library) = (level, library)
  }

  /// One sentence.
  public var description: String {
    "\(library) promises MPI_THREAD_\(level.uppercased()) and allows no thread beside the one that calls it, but checkpoints are written "
      + "by another (MPI_THREAD_FUNNELED); use an MPI that is built with support for threads"
  }
}
