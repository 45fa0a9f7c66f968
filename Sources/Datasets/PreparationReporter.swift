/// Where `prepare` tells how far it is; the command decides how that looks.
public struct PreparationReporter {
  /// Takes a line for people: a bad row, a stage that begins.
  public var note: (String) -> Void
  /// Takes the rows and bytes of text read so far, often; the receiver decides which to show.
  public var progress: (_ rows: Int, _ bytes: Int) -> Void

  /// Makes a reporter; without arguments it is silent.
  public init(note: @escaping (String) -> Void = { _ in }, progress: @escaping (Int, Int) -> Void = { _, _ in }) {
    self.note = note
    self.progress = progress
  }
}
