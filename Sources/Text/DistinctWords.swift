/// The distinct words of a text in the order in which they first stand there, lower-cased; numbers are left out.
///
/// Ours. Words are those of the hashed encoder, for what is said to people about texts.
///
/// - Parameter limit: how many words of the text are read.
public func distinctWords(_ text: String, limit: Int) -> [String] {
  let splitter = WordSplitter(text, limit: limit)
  var found: [String] = []
  for place in splitter.words {
    let word = splitter.scalars[place]
    guard !word.allSatisfy({ (0x30...0x39).contains($0) }) else { continue }
    let letters = String(String.UnicodeScalarView(word.compactMap(Unicode.Scalar.init)))
    if !found.contains(letters) { found.append(letters) }
  }
  return found
}
