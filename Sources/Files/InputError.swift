/// Wrong input from outside the program: a file, a folder, a row, a header.
///
/// One sentence that says where (file, line, key) and what to do about it. Commands print it and
/// exit with 65. Names, ids and rows out of a file end up in it, so whatever it is made of, it stays one line and can neither
/// steer a terminal nor fill one. Ours.
package struct InputError: Error, CustomStringConvertible, Equatable {
  /// The whole sentence, as a user reads it.
  package let description: String

  /// The longest sentence in characters; of a longer one the middle is left out.
  static let longest = 2_000

  /// Makes an error from its sentence; control characters in it, line ends and separators too, become U+FFFD.
  package init(_ description: String) {
    self.description = InputError.shortened(printable(description))
  }

  private static func shortened(_ text: String) -> String {
    guard text.utf8.count > longest, text.count > longest else { return text }
    return "\(text.prefix(longest / 2)) ... \(text.suffix(longest / 2))"
  }
}
