import Files

/// Guesses the real format of a file that was read as another one, from its first line.
enum FormatHint {
  /// Says what the line is and what to do; nil when it looks like nothing else.
  ///
  /// - Parameters:
  ///   - wanted: The columns' names.
  ///   - isList: Whether the format follows the file's name only, because the command has no `--format`.
  static func of(
    _ line: UnsafeRawBufferPointer, readAs format: InputFormat, wanted: [String], path: String, isList: Bool
  ) -> String? {
    let first = line.first { $0 != 0x20 && $0 != 0x09 }
    if first == 0x5B && line.contains(0x7B) {
      return
        "it looks like one JSON array, not an object a line; convert it: jq -c '.[]' \(shellWord(path)) > \(shellWord(path + "l"))"
    }
    if first == 0x7B && format != .jsonl {
      let more = isList ? "" : ", of Amazon's files amazon-2014 or amazon-2023"
      return "it looks like JSON lines; \(advice(.jsonl, isList))\(more)"
    }
    if let delimiter = excelMark(line) { return excelSentence(delimiter, format, path, isList) }
    if !isList && format != .movieLens1M && isRating(line) {
      return "it looks like MovieLens-1M, whose fields are separated by ::; give --format movielens-1m"
    }
    return delimiter(line, format, wanted).map { sentence($0, format, path, isList) }
  }

  /// Digits and `::`, at least twice.
  private static func isRating(_ line: UnsafeRawBufferPointer) -> Bool {
    let front = line.prefix { $0 &- 0x30 < 10 }
    guard !front.isEmpty, line.dropFirst(front.count).starts(with: [0x3A, 0x3A]) else { return false }
    return zip(line.dropFirst(front.count + 2), line.dropFirst(front.count + 3)).contains { $0 == 0x3A && $1 == 0x3A }
  }

  /// The delimiter by which one of the wanted names is a field, or by which there are fields at all where the own one gives a single one.
  private static func delimiter(_ line: UnsafeRawBufferPointer, _ format: InputFormat, _ wanted: [String]) -> UInt8? {
    let own: UInt8? = format == .csv ? 0x2C : format == .tsv ? 0x09 : nil
    let isOneField = own.map { !line.contains($0) } ?? false
    return (usual + rare).first { delimiter in
      guard delimiter != own else { return false }
      let fields = line.split(separator: delimiter, omittingEmptySubsequences: false)
      guard fields.count > 1 else { return false }
      // Names of columns may have the rare ones in them.
      guard usual.contains(delimiter) || isOneField else { return false }
      if isOneField && usual.contains(delimiter) { return true }
      return fields.contains { field in
        let name = trimmed(field).filter { $0 != 0x22 }
        return wanted.contains { $0.utf8.elementsEqual(name) }
      }
    }
  }

  private static func sentence(_ delimiter: UInt8, _ format: InputFormat, _ path: String, _ isList: Bool) -> String {
    switch delimiter {
    case 0x09: return "its fields are separated by tabs; \(advice(.tsv, isList))"
    case 0x2C: return "its fields are separated by commas; \(advice(.csv, isList))"
    default:
      let name = names[delimiter] ?? "another letter"
      guard path != "standard input" else {
        return "its fields are separated by \(name); pipe it through \(converter(delimiter)) first"
      }
      return
        "its fields are separated by \(name); convert it: \(converter(delimiter)) < \(shellWord(path)) > \(shellWord(path + ".commas.csv"))"
    }
  }

  /// Delimiters that tables have.
  private static let usual: [UInt8] = [0x09, 0x2C, 0x3B, 0x7C]
  /// Delimiters that few have: Hive's U+0001, carets, colons, spaces.
  private static let rare: [UInt8] = [0x01, 0x5E, 0x3A, 0x20]
  private static let names: [UInt8: String] = [
    0x3B: "semicolons", 0x7C: "vertical bars", 0x01: "U+0001", 0x5E: "carets", 0x3A: "colons", 0x20: "spaces",
  ]

  /// The command that makes commas of another delimiter.
  private static func converter(_ delimiter: UInt8) -> String {
    let letter = delimiter < 0x20 ? "\\x0\(delimiter)" : String(Unicode.Scalar(delimiter))
    return "python3 -c 'import csv, sys; csv.writer(sys.stdout).writerows(csv.reader(sys.stdin, delimiter=\"\(letter)\"))'"
  }

  // MARK: Excel

  /// The delimiter that a first line `sep=;` tells Excel; nil for any other line.
  private static func excelMark(_ line: UnsafeRawBufferPointer) -> UInt8? {
    let letters = line.filter { $0 != 0x22 && $0 != 0x0D }
    guard letters.count == 5, letters.prefix(3).map({ $0 | 0x20 }).elementsEqual("sep".utf8), letters[3] == 0x3D else {
      return nil
    }
    return letters[4]
  }

  /// What to do about that line, and about the delimiter.
  private static func excelSentence(_ delimiter: UInt8, _ format: InputFormat, _ path: String, _ isList: Bool) -> String {
    let pipe = delimiter == 0x2C || delimiter == 0x09 ? "" : " | \(converter(delimiter))"
    let mark = "its first line is only a mark for Excel"
    guard path != "standard input" else { return "\(mark); pipe it through tail -n +2\(pipe) first" }
    let target = shellWord(path + (delimiter == 0x09 ? ".tsv" : ".commas.csv"))
    return "\(mark); convert it: tail -n +2 < \(shellWord(path))\(pipe) > \(target)"
  }

  private static func advice(_ format: InputFormat, _ isList: Bool) -> String {
    isList ? "give the file a name that ends in .\(format.rawValue)" : "give --format \(format.rawValue)"
  }
}
