import Files

/// A line of text in a few styles, for a terminal.
package struct StyledLine: Sendable, Equatable {
  /// How letters look.
  package enum Style: String, Sendable {
    /// As the terminal has it.
    case plain
    /// A heading.
    case bold
    /// Less important.
    case dim
    /// Good news.
    case green
    /// A warning.
    case yellow
    /// A failure.
    case red
    /// What is under way.
    case cyan

    /// The codes between `ESC[` and `m` (ECMA-48, SGR).
    fileprivate var code: String? {
      switch self {
      case .plain: nil
      case .bold: "1"
      case .dim: "2"
      case .red: "31"
      case .green: "32"
      case .yellow: "33"
      case .cyan: "36"
      }
    }

    /// A text in this style.
    package func painted(_ text: String, if inColor: Bool = true) -> String {
      guard inColor, let code, !text.isEmpty else { return text }
      return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
  }

  /// Letters of one style.
  struct Span: Sendable, Equatable {
    let text: String
    let style: Style
  }

  private(set) var spans: [Span] = []

  /// A line of one style; control characters are made visible.
  package init(_ text: String = "", _ style: Style = .plain) { append(text, style) }

  /// The letters alone.
  package var text: String { spans.map(\.text).joined() }

  /// Columns that it takes.
  package var width: Int { TextTable.width(text) }

  /// Adds text at the end.
  package mutating func append(_ text: String, _ style: Style = .plain) {
    if !text.isEmpty { spans.append(Span(text: printable(text), style: style)) }
  }

  /// Adds another line at the end.
  package mutating func append(_ other: StyledLine) { spans += other.spans }

  /// The line with its styles as escape sequences, or without them.
  package func rendered(inColor: Bool) -> String {
    spans.map { $0.style.painted($0.text, if: inColor) }.joined()
  }

  /// The line where it fits so many columns, else as much of it as does, with a mark at the end.
  package func fitted(columns: Int) -> StyledLine {
    guard width > columns else { return self }
    var line = prefix(columns: columns - 1)
    line.append("…", line.spans.last?.style ?? .plain)
    return line
  }

  /// The first of several ways to say something that fits so many columns, else the last.
  static func first(of ways: [StyledLine], columns: Int) -> StyledLine {
    ways.first { $0.width <= columns } ?? ways.last ?? StyledLine()
  }

  /// As much of it as fits so many columns.
  private func prefix(columns: Int) -> StyledLine {
    var (kept, room) = (StyledLine(), columns)
    for span in spans {
      var text = ""
      for letter in span.text {
        let width = TextTable.width(String(letter))
        guard width <= room else {
          kept.append(text, span.style)
          return kept
        }
        text.append(letter)
        room -= width
      }
      kept.append(text, span.style)
    }
    return kept
  }

  /// Parts one behind the other, in as many lines as they need; a part is never broken in two.
  package static func flow(_ parts: [StyledLine], separator: String, columns: Int) -> [StyledLine] {
    var lines: [StyledLine] = []
    for part in parts where part.width > 0 {
      if var last = lines.last, last.width + separator.count + part.width <= columns {
        last.append(separator)
        last.append(part)
        lines[lines.count - 1] = last
      } else {
        lines.append(part)
      }
    }
    return lines
  }
}
