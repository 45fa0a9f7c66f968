import Datasets
import Files

/// What a person should know about a data set that was made: nothing in it is an error, all of it may be a mistake.
struct PreparationWarnings {
  /// Above this share of events, items without a text are many (ours).
  static let eventsWithoutText = 0.1
  /// Above this share of an items file, items without events are many (ours: catalogues are often larger than what is used).
  static let itemsWithoutEvents = 0.5

  /// Above this share of a kind's rows, bad ones that were let through are many (ours).
  static let badRows = 0.1

  private(set) var sentences: [String] = []

  init(_ read: ReadAccount, _ itemFiles: ItemFiles, eventsWithoutText: Int, events: Int, unit: TimeUnit) {
    sentences = read.times.warnings(unit: unit)
    for (what, bad, rows) in [("interaction", read.badRows.total, read.rows), ("item", itemFiles.badRows.total, itemFiles.rows)]
    where Double(bad) > Self.badRows * Double(rows) {
      sentences.append("\(bad) of \(rows) \(what) rows are bad and were left out, as --max-bad-rows allows")
    }
    let texts = itemFiles.unreadableTexts
    if texts.count > 0 { sentences.append(PreparationWarnings.notUTF8(texts)) }
    // Without an items file nothing has a text, and that was meant.
    guard itemFiles.goodRows > 0 else { return }
    if Double(eventsWithoutText) > Self.eventsWithoutText * Double(events) {
      sentences.append(
        "\(eventsWithoutText) of \(events) events are on items without a text; are the ids written in the same way in both files?"
      )
    }
    let unseen = itemFiles.unseenRows
    if Double(unseen.count) > Self.itemsWithoutEvents * Double(itemFiles.goodRows) {
      sentences.append(
        "\(unseen.count) of \(itemFiles.goodRows) item rows are of items without any event, the first at \(unseen.first); "
          + "are the ids written in the same way in both files?")
    }
  }

  /// What is said of texts that are not UTF-8, wherever they are read.
  static func notUTF8(_ texts: Occurrences) -> String {
    let count = texts.count == 1 ? "1 text is" : "\(texts.count) texts are"
    return "\(count) not UTF-8, the first at \(texts.first); U+FFFD stands for what cannot be read; "
      + "convert the file with iconv -f WINDOWS-1252 -t UTF-8, or from whatever it is in"
  }
}

extension NewItemTexts {
  /// The sentence about texts that are not UTF-8, if there are any.
  package var warning: String? { unreadableTexts.count > 0 ? PreparationWarnings.notUTF8(unreadableTexts) : nil }
}

/// How often something was found in input files, and where first.
struct Occurrences: Codable, Sendable, Equatable {
  /// How often.
  package private(set) var count = 0
  /// File and line of the first; empty when there is none.
  package private(set) var first = ""

  mutating func add(_ place: @autoclosure () -> String) {
    if count == 0 { first = place() }
    count += 1
  }

  /// Adds those that come behind these.
  mutating func add(_ next: Occurrences) {
    if count == 0 { first = next.first }
    count += next.count
  }
}
