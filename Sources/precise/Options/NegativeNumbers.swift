extension Array where Element == String {
  /// The arguments with each negative number joined to the option before it: `--ranks -1` becomes `--ranks=-1`.
  ///
  /// The parser takes what begins with a dash for an option, and would say that the value is missing; as a value it is allowed, or refused
  /// with the option's own range. No option of ours is a digit. What stands behind `--` is another command's.
  var withNegativeNumbersJoined: [String] {
    guard first?.hasPrefix("---") != true else { return self }
    var joined: [String] = []
    for (index, word) in enumerated() {
      if word == "--" { return joined + self[index...] }
      if let option = joined.last, option.count > 1, option.hasPrefix("-"), !option.contains("="), !option.isNegativeNumber,
        word.isNegativeNumber
      {
        joined[joined.count - 1] = "\(option)=\(word)"
      } else {
        joined.append(word)
      }
    }
    return joined
  }
}

extension String {
  /// Whether it begins as a negative number does.
  fileprivate var isNegativeNumber: Bool {
    guard hasPrefix("-"), let second = dropFirst().first else { return false }
    return second.isASCII && second.isNumber || second == "."
  }
}
