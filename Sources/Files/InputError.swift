/// Wrong input from outside the program: a file, a folder, a row, a header.
///
/// One sentence that says where (file, line, key) and what to do about it. Commands print it and
/// exit with 65. Ours.
public struct InputError: Error, CustomStringConvertible, Equatable {
  /// The whole sentence, as a user reads it.
  public let description: String

  /// Makes an error from its sentence.
  public init(_ description: String) {
    self.description = description
  }
}
