/// A formula as people write it, `4 (R - 1) (2 + N_b / R)`: what stands beside each other is multiplied.
struct FormulaText {
  private let words: [String]

  init(_ text: String) {
    words = text.matches(of: /[A-Za-z0-9_]+|[^ ]/).map { String($0.output) }
  }

  /// The value for these values of its letters; nil when it is no formula or has another letter.
  func value(_ letters: [String: Double]) -> Double? {
    var index = 0
    let value = sum(letters, &index)
    return index == words.count ? value : nil
  }

  private func sum(_ letters: [String: Double], _ index: inout Int) -> Double? {
    guard var value = product(letters, &index) else { return nil }
    while index < words.count, words[index] == "+" || words[index] == "-" {
      let isDifference = words[index] == "-"
      index += 1
      guard let next = product(letters, &index) else { return nil }
      value += isDifference ? -next : next
    }
    return value
  }

  private func product(_ letters: [String: Double], _ index: inout Int) -> Double? {
    guard var value = factor(letters, &index) else { return nil }
    while index < words.count, !["+", "-", ")"].contains(words[index]) {
      let isQuotient = words[index] == "/"
      if isQuotient { index += 1 }
      guard let next = factor(letters, &index) else { return nil }
      value = isQuotient ? value / next : value * next
    }
    return value
  }

  private func factor(_ letters: [String: Double], _ index: inout Int) -> Double? {
    guard index < words.count else { return nil }
    let word = words[index]
    index += 1
    guard word == "(" else { return Double(word) ?? letters[word] }
    guard let value = sum(letters, &index), index < words.count, words[index] == ")" else { return nil }
    index += 1
    return value
  }
}
