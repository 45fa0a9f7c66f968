import Files
import Pictures

/// A piece of an HTML page that is escaped by how it is made: texts and values of attributes come from anywhere, all else is ours.
///
/// There is no way to put markup in as a text but a picture and the page's own style.
package struct Html: Sendable {
  /// The elements that a report is made of.
  package enum Tag: String, Sendable {
    case html, head, meta, title, style, body, header, main, nav, footer, section, div, span, p, a, h1, h2, h3, h4
    case ul, ol, li, dl, dt, dd, table, caption, thead, tbody, tr, th, td, figure, figcaption, details, summary
    case code, bdi, strong, em, small, time, fieldset, legend, label, input, br, abbr

    /// Whether it has neither contents nor an end.
    fileprivate var isVoid: Bool { [.meta, .input, .br].contains(self) }
  }

  /// An attribute, whose name is in the program and whose value may come from anywhere.
  package struct Attribute: Sendable {
    fileprivate let name: StaticString
    fileprivate let value: String

    /// Gives an attribute a value.
    package init(_ name: StaticString, _ value: String) { (self.name, self.value) = (name, value) }

    /// The class.
    package static func style(_ names: String) -> Attribute { Attribute("class", names) }
    /// The id.
    package static func id(_ id: String) -> Attribute { Attribute("id", id) }
  }

  private indirect enum Content {
    case text(String)
    case element(Tag, [Attribute], [Html])
    case markup(String)
    case sequence([Html])
  }

  private let content: Content

  private init(content: Content) { self.content = content }

  /// An element.
  package init(_ tag: Tag, _ attributes: [Attribute] = [], _ children: [Html] = []) {
    content = .element(tag, attributes, children)
  }

  /// An element around a text.
  package init(_ tag: Tag, _ attributes: [Attribute] = [], text: String) { self.init(tag, attributes, [.text(text)]) }

  /// A text.
  package static func text(_ text: String) -> Html { Html(content: .text(text)) }

  /// Several pieces, one behind the other.
  package static func all(_ pieces: [Html]) -> Html { Html(content: .sequence(pieces)) }

  /// Nothing.
  package static let nothing = Html(content: .sequence([]))

  /// A name out of data, whose direction of writing does not reach beyond it.
  package static func name(_ text: String) -> Html { Html(.bdi, text: text) }

  /// A picture.
  static func picture(_ picture: Picture, id: String) -> Html { Html(content: .markup(picture.embedded(id: id))) }

  /// An entry of a legend.
  static func swatch(_ entry: Picture.Entry, hasLine: Bool) -> Html {
    Html(content: .markup(Picture.swatch(entry, hasLine: hasLine)))
  }

  /// The page's style: of this program alone.
  static func style(_ rules: String) -> Html { Html(.style, [], [Html(content: .markup(rules))]) }

  /// The page's text.
  package var text: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch content {
    case .text(let plain): Self.escape(plain, in: &text, isAttribute: false)
    case .markup(let markup): text += markup
    case .sequence(let pieces): for piece in pieces { piece.write(to: &text) }
    case .element(let tag, let attributes, let children):
      text += "<\(tag.rawValue)"
      for attribute in attributes {
        text += " \(attribute.name)=\""
        Self.escape(attribute.value, in: &text, isAttribute: true)
        text += "\""
      }
      text += ">"
      guard !tag.isVoid else { return }
      for child in children { child.write(to: &text) }
      text += "</\(tag.rawValue)>"
      if Self.endsLine.contains(tag) { text += "\n" }
    }
  }

  private static let endsLine: Set<Tag> = [.tr, .p, .section, .h1, .h2, .h3, .h4, .table, .figure, .div, .li, .details, .head]

  /// By scalars: to `Character` a `<` with a combining mark behind it is no `<`.
  ///
  /// A control character in an attribute is kept as its number, so that the attribute has the same value; in a text it becomes U+FFFD.
  private static func escape(_ plain: String, in text: inout String, isAttribute: Bool) {
    for letter in plain.unicodeScalars {
      switch letter {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "'": text += "&#39;"
      case "\u{1}"..."\u{1F}", "\u{7F}": text += isAttribute ? "&#\(letter.value);" : "\u{FFFD}"
      case "\u{0}", "\u{80}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": text += "\u{FFFD}"
      default: text.unicodeScalars.append(letter)
      }
    }
  }
}
