/// One thing that `precise doctor` looked at.
public struct Finding: Equatable, Sendable {
  /// How it is.
  public enum Verdict: String, Sendable {
    /// As it should be.
    case fine
    /// It works, but something is slower than it need be, or not what it seems.
    case notice = "worth knowing"
    /// A job would be wrong, would hang, or would waste most of the machine.
    case wrong
  }

  /// What was looked at.
  public let name: String
  /// What was found.
  public let found: String
  /// How that is.
  public let verdict: Verdict
  /// What to do about it; nil when it is fine.
  public let mend: String?

  /// A finding that is fine.
  init(_ name: String, _ found: String) {
    self.init(name, found, .fine, mend: nil)
  }

  /// Any finding.
  init(_ name: String, _ found: String, _ verdict: Verdict, mend: String?) {
    (self.name, self.found, self.verdict, self.mend) = (name, found, verdict, mend)
  }
}
