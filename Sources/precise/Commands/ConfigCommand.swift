import ArgumentParser
import Config
import Datasets
import Files
import Reporting
import Texts

/// `precise config`: a configuration to start from, and what every key means.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config",
    abstract: "Prints a configuration to start from, the reference of all keys, or their JSON Schema.",
    discussion: """
      Examples:
        precise config > my.yaml
        precise config --data dataset/ > my.yaml
        precise config --docs > docs/configuration.md
        precise config --schema > docs/configuration.schema.json

      Without a flag: every key with its default and its reason. With --data, what that data set decides is set, its scenes \
      and behaviors are named as targeted phases to choose from, and the other keys are comments. An editor with the YAML \
      language server completes and checks keys by the schema, when the configuration begins with the line \
      "# yaml-language-server: $schema=FILE".
      """)

  @Option(help: ArgumentHelp("Fit the configuration to this data set.", valueName: "folder"), completion: .directory)
  var data: String?
  @Flag(help: "Print the reference of all keys as Markdown.")
  var docs = false
  @Flag(help: "Print the JSON Schema of the configuration.")
  var schema = false

  func validate() throws {
    guard [data != nil, docs, schema].count(where: { $0 }) < 2 else {
      throw ValidationError("give one of --data, --docs and --schema")
    }
  }

  func run() throws {
    try reportingFailures {
      StandardOutput.write(try text)
    }
  }

  private var text: String {
    get throws {
      if docs { return ConfigReference.text }
      if schema { return ConfigSchema.json.indented + "\n" }
      return try data.map { ConfigStarter.text(try facts(Dataset(path: $0))) } ?? ConfigStarter.text
    }
  }

  private func facts(_ dataset: Dataset) throws -> StarterFacts {
    let manifest = dataset.manifest
    guard manifest.users > 0 else { throw InputError("\(dataset.path) has no users; prepare it again from more events") }
    let counts = [("users", manifest.users), ("items", manifest.items), ("events", manifest.events)]
    // A folder's name may hold anything; here it stands in comments.
    var facts = StarterFacts(
      path: printable(NextCommands.word(dataset.path)),
      summary: counts.map { "\(HumanFormat.count($0.1)) \($0.0)" }.joined(separator: ", "),
      users: manifest.users, items: manifest.items, longest: manifest.sequenceLengths.maximum,
      hasTokenStates: try TokenStates.exist(in: dataset) && EncodingRecord(folder: dataset.path).width > 0,
      scenes: manifest.scenes.map { StarterFacts.Category(name: $0.name, events: $0.events) },
      behaviors: manifest.behaviors.map { StarterFacts.Category(name: $0.name, events: $0.events) })
    facts.names = (
      file: printable(NextCommands.outputFile.map(NextCommands.word) ?? "my.yaml"), run: NextCommands.free("run") + "/"
    )
    return facts
  }
}
