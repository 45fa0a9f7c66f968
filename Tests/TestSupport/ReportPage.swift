import Files
import Foundation

/// A report's page as a reader of HTML finds it: written apart from what writes such pages.
package struct ReportPage {
  /// An element's start.
  package struct Element {
    /// `td`.
    package let name: String
    /// Its attributes, with their references resolved.
    package let attributes: [String: String]
  }

  /// Every element's start, in order.
  package let elements: [Element]
  /// The texts between elements, with their references resolved.
  package let texts: [String]
  /// What is wrong with the page's shape, in words.
  package let faults: [String]

  /// Elements without an end.
  private static let void: Set<String> = ["meta", "input", "br", "!DOCTYPE"]

  /// Reads a page.
  package init(_ text: String) {
    var (elements, texts, faults, open) = ([Element](), [String](), [String](), [String]())
    // By code points, as HTML is: what combines with a quote is no part of it.
    for part in text.unicodeScalars.split(separator: "<", omittingEmptySubsequences: false).dropFirst() {
      guard let end = part.firstIndex(of: ">") else {
        faults.append("a < without >: \(String(part).prefix(60))")
        continue
      }
      var tag = String(part[..<end])
      texts.append(Self.resolved(part[part.index(after: end)...]))
      if tag.hasPrefix("/") {
        if open.popLast() != String(tag.dropFirst()) { faults.append("</\(tag.dropFirst())> closes something else") }
        continue
      }
      let isClosed = tag.hasSuffix("/")
      if isClosed { tag.removeLast() }
      let name = String(tag.prefix { $0 != " " && $0 != "\n" })
      let rest = Substring(tag).unicodeScalars.dropFirst(name.unicodeScalars.count)
      elements.append(Element(name: name, attributes: Self.attributes(rest, &faults)))
      if !isClosed && !Self.void.contains(name) { open.append(name) }
    }
    if !open.isEmpty { faults.append("never closed: \(open)") }
    (self.elements, self.texts) = (elements, texts)
    self.faults = faults + Self.structure(elements)
  }

  private static func attributes(_ text: Substring.UnicodeScalarView, _ faults: inout [String]) -> [String: String] {
    func isSpace(_ letter: Unicode.Scalar) -> Bool { letter == " " || letter == "\n" }
    var (rest, found) = (text.drop(while: isSpace), [String: String]())
    while let equals = rest.firstIndex(of: "=") {
      let name = String(rest[..<equals])
      let value = rest[rest.index(after: equals)...]
      guard value.first == "\"", let end = value.dropFirst().firstIndex(of: "\"") else {
        faults.append("an attribute without quotes: \(String(rest).prefix(60))")
        return found
      }
      if found.updateValue(resolved(value[value.index(after: value.startIndex)..<end]), forKey: name) != nil {
        faults.append("\(name) stands twice in one element")
      }
      rest = value[value.index(after: end)...].drop(while: isSpace)
    }
    if !rest.isEmpty && String(rest) != "html" { faults.append("no attribute: \(String(rest).prefix(60))") }
    return found
  }

  private static func resolved(_ text: Substring.UnicodeScalarView) -> String {
    let parts = text.split(separator: "&", omittingEmptySubsequences: false)
    return parts.dropFirst().reduce(into: String(parts[0])) { result, part in
      guard let end = part.firstIndex(of: ";") else { return result += "&" + String(part) }
      let name = String(part[..<end])
      let named = ["amp": "&", "lt": "<", "gt": ">", "quot": "\""][name]
      let number = name.hasPrefix("#") ? UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init).map { String(Character($0)) } : nil
      result.unicodeScalars += (named ?? number ?? "&\(name);").unicodeScalars
      result.unicodeScalars += part[part.index(after: end)...]
    }
  }

  /// Ids that stand twice or are named and not there, headings that leave one out, cells without a scope, scripts and addresses.
  private static func structure(_ elements: [Element]) -> [String] {
    var faults: [String] = []
    let ids = elements.compactMap { $0.attributes["id"] }
    faults += Dictionary(grouping: ids) { $0 }.filter { $0.value.count > 1 }.map {
      "the id \($0.key) stands \($0.value.count) times"
    }
    let labels = elements.compactMap { $0.attributes["aria-labelledby"] }
    let links = elements.compactMap { $0.attributes["href"] }.map { String($0.drop { $0 == "#" }) }
    let named = labels.flatMap { $0.split(separator: " ").map(String.init) } + links
    faults += named.filter { !ids.contains($0) }.map { "the id \($0) is named and not there" }
    var level = 0
    for element in elements {
      if element.name.count == 2, element.name.hasPrefix("h"), let next = Int(element.name.dropFirst()) {
        if next > level + 1 { faults.append("h\(next) follows h\(level)") }
        level = next
      }
      if element.name == "th" && element.attributes["scope"] == nil { faults.append("a th without a scope") }
      if ["script", "link", "img", "iframe", "object", "image", "use", "base", "form"].contains(element.name) {
        faults.append("there is a \(element.name)")
      }
      for (name, value) in element.attributes where name != "xmlns" {
        if name.hasPrefix("on") || value.contains("://") && !name.hasPrefix("data-") { faults.append("\(name)=\(value)") }
      }
      if element.name == "svg" && element.attributes["aria-hidden"] == nil && element.attributes["role"] != "img" {
        faults.append("a picture without a role")
      }
    }
    if elements.count(where: { $0.name == "h1" }) != 1 { faults.append("not one h1") }
    if elements.first(where: { $0.name == "html" })?.attributes["lang"] != "en" { faults.append("no lang") }
    return faults
  }

  /// Compares every number that names its place with the file that it names; returns how many there are, and those that differ.
  ///
  /// - Parameter runs: the folders of the page's runs, in order.
  package func compareNumbers(runs: [String]) throws -> (count: Int, wrong: [String]) {
    var (files, wrong, count) = ([String: [Any]](), [String](), 0)
    for element in elements {
      guard let path = element.attributes["data-path"] else { continue }
      count += 1
      guard let run = element.attributes["data-run"].flatMap({ Int($0) }), runs.indices.contains(run),
        let name = element.attributes["data-file"], let value = element.attributes["data-value"].flatMap(Double.init)
      else {
        wrong.append("\(element.attributes)")
        continue
      }
      let file = name.hasPrefix("/") ? name : "\(runs[run])/\(name)"
      let lines = try files[file] ?? Self.read(file)
      files[file] = lines
      let found = Self.find(path, in: file.hasSuffix(".jsonl") ? lines as Any : lines[0])
      // Foundation's reader is off by the last bits of some numbers.
      if (found.map { abs($0 - value) <= 4 * value.ulp } ?? false) == false {
        wrong.append("\(name)\(path): \(value) on the page, \(found.map { "\($0)" } ?? "nothing") in the file")
      }
    }
    return (count, wrong)
  }

  private static func read(_ file: String) throws -> [Any] {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let parts = file.hasSuffix(".jsonl") ? text.components(separatedBy: "\n") : [text]
    return parts.map { (try? JSONSerialization.jsonObject(with: Data($0.utf8))) ?? NSNull() }
  }

  private static func find(_ pointer: String, in value: Any) -> Double? {
    let steps = pointer.components(separatedBy: "/").dropFirst()
      .map { $0.replacingOccurrences(of: "~1", with: "/").replacingOccurrences(of: "~0", with: "~") }
    let end = steps.reduce(value as Any?) { value, step in
      if let list = value as? [Any] { return Int(step).flatMap { list.indices.contains($0) ? list[$0] : nil } }
      return (value as? [String: Any])?[step]
    }
    return (end as? NSNumber)?.doubleValue
  }
}
