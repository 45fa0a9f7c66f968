import ArgumentParser
import Files
import Preparation
import Reporting
import Serving

/// Items that came after the data set was made: shared by export and recommend.
struct NewItemOptions: ParsableArguments {
  @Option(
    name: .customLong("items"), help: ArgumentHelp("Items that came after the data set was made.", valueName: "file"),
    completion: .file())
  var newItems: String?
  @Option(
    help: ArgumentHelp(
      "Token states of the new items, when the data set's are a language model's; ids in FILE.ids.txt.", valueName: "file"),
    completion: .file())
  var newStates: String?
  @Option(
    help: ArgumentHelp(
      "Vectors of the new items, when the data set's are from encode --vectors; ids in FILE.ids.txt, or in its lines.",
      valueName: "file"), completion: .file())
  var newVectors: String?

  func validate() throws {
    guard newStates == nil || newItems != nil else { throw ValidationError("--new-states goes with --items") }
    guard newVectors == nil || newItems != nil else { throw ValidationError("--new-vectors goes with --items") }
    guard newStates == nil || newVectors == nil else { throw ValidationError("give --new-states or --new-vectors, not both") }
  }

  /// Reads the items and says what they are; nil when there are none.
  func read(_ served: ServedModel, _ console: Console) throws -> NewItems? {
    guard let newItems else { return nil }
    let file = newVectors.map { ForeignFile.vectors($0) } ?? newStates.map { ForeignFile.states($0) }
    let added = try NewItems(path: newItems, states: file, served: served)
    var parts = ["\(HumanFormat.count(added.count, "new item"))"]
    if added.list.knownRows > 0 { parts.append("\(HumanFormat.count(added.list.knownRows, "row")) of known items left out") }
    if added.list.repeatedRows > 0 { parts.append("\(HumanFormat.count(added.list.repeatedRows, "repeated row")) left out") }
    if added.itemsWithoutTokens > 0 {
      parts.append("\(HumanFormat.count(added.itemsWithoutTokens)) without text, which all get one embedding")
    }
    console.note(parts.joined(separator: ", "))
    if let first = added.firstWithCutFeatures {
      let (limit, items) = (added.tokenLimit, HumanFormat.count(added.itemsWithCutFeatures, "new item"))
      console.note(
        "warning: more than \(HumanFormat.count(limit, "feature")) in \(items), the first \(printable(first)); the model reads the first "
          + "\(limit) of an item, as no known item has more tokens")
    }
    if let warning = added.list.warning { console.note("warning: \(warning)") }
    return added
  }
}
