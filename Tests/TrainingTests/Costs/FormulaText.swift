/// A formula as people write it, `4 (R - 1) (2 + N_b / R)`: what stands beside each other is multiplied.
struct FormulaText {
  private let words: [String]

  init(_ text: String) {
    words = text.matches(of: /[A-Za-z0-9_]+|[^ ]/).map { String($0.output) }
  }

  /// The value for these values of its letters; nil when it is no formula or has another letter.
  func value(_ letters: [String: Double]) -> Double? {
    var place = 0
    let value = sum(letters, &place)
    return place == words.count ? value : nil
  }

  private func sum(_ letters: [String: Double], _ place: inout Int) -> Double? {
    guard var value = product(letters, &place) else { return nil }
    while place < words.count, words[place] == "+" || words[place] == "-" {
      let isDifference = words[place] == "-"
      place += 1
      guard let next = product(letters, &place) else { return nil }
      value += isDifference ? -next : next
    }
    return value
  }

  private func product(_ letters: [String: Double], _ place: inout Int) -> Double? {
    guard var value = factor(letters, &place) else { return nil }
    while place < words.count, !["+", "-", ")"].contains(words[place]) {
      let isQuotient = words[place] == "/"
      if isQuotient { place += 1 }
      guard let next = factor(letters, &place) else { return nil }
      value = isQuotient ? value / next : value * next
    }
    return value
  }

  private func factor(_ letters: [String: Double], _ place: inout Int) -> Double? {
    guard place < words.count else { return nil }
    let word = words[place]
    place += 1
    guard word == "(" else { return Double(word) ?? letters[word] }
    guard let value = sum(letters, &place), place < words.count, words[place] == ")" else { return nil }
    place += 1
    return value
  }
}
