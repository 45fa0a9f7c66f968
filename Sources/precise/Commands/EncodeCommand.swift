import ArgumentParser
import Datasets
import Files
import Preparation
import Reporting
import Texts

/// `precise encode`: gives a data set's items their token states.
struct EncodeCommand: ParsableCommand {
  /// The encoders that need no file.
  enum Encoder: String, CaseIterable, ExpressibleByArgument {
    case hashed
  }

  /// How states are stored.
  enum StoredType: String, CaseIterable, ExpressibleByArgument {
    case f32, f16, bf16

    var elementType: ElementType {
      switch self {
      case .f32: .f32
      case .f16: .f16
      case .bf16: .bf16
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "encode",
    abstract: "Gives a data set's items token states, from words or from a language model.",
    discussion: """
      Examples:
        precise encode dataset/
        precise encode dataset/ --states states.safetensors --tokens 16

      The first hashes the words of each text and needs nothing else. The second takes the last hidden states of any \
      language model from a file as cluster/encode/encode_items.py writes it: offsets I64 [V+1], states [rows, d] in \
      F32, F16 or BF16, and the ids of its items, one a line, in states.safetensors.ids.txt. Items that the list does not \
      name get no states. Writes token_states.safetensors and encode.json into the data set, and text_vectors.safetensors: each text as one \
      vector, by its words and by the model's states, with which training blends its scores.
      """)

  @Argument(help: "The data set's folder.", completion: .directory)
  var dataset: String
  @Option(help: "The built-in encoder: hashed (the default).")
  var encoder: Encoder?
  @Option(help: ArgumentHelp("Token states made by a language model.", valueName: "file"), completion: .file())
  var states: String?
  @Option(
    help: ArgumentHelp("The ids that the states are of, one a line; default: FILE.safetensors.ids.txt.", valueName: "file"),
    completion: .file())
  var ids: String?
  @Option(help: "Tokens kept of an item's text.")
  var tokens = 16
  @Option(
    help: ArgumentHelp("Width of a hashed state (default 128); with --states it must be the file's.", valueName: "width"))
  var dim: Int?
  @Option(help: "How states are stored: f32, f16 or bf16; default: as in --states, f16 for hashed ones.")
  var dtype: StoredType?
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard encoder == nil || states == nil else { throw ValidationError("give --encoder or --states, not both") }
    guard ids == nil || states != nil else { throw ValidationError("--ids goes with --states") }
    guard (1...4096).contains(tokens) else { throw ValidationError("--tokens must be 1 to 4096, not \(tokens)") }
    if let dim, !(1...65_536).contains(dim) { throw ValidationError("--dim must be 1 to 65536, not \(dim)") }
  }

  func run() throws {
    try reportingFailures {
      let dataset = try Dataset(path: dataset)
      if let states {
        try encode(dataset, foreign: states)
      } else {
        let encoder = HashedEncoder(dimension: dim ?? 128, maxTokens: tokens)
        let source = HashedSource(items: DatasetItems(dataset), encoder: encoder)
        try write(source, dataset, type: dtype?.elementType ?? .f16)
      }
    }
  }

  private var console: Console { outputOptions.console }

  private func encode(_ dataset: Dataset, foreign path: String) throws {
    let source = try ForeignStates(path: path, ids: ids, items: DatasetItems(dataset), maxTokens: tokens)
    guard dim == nil || dim == source.dimension else {
      throw CommandFailure(PreciseExit.usage, "--dim \(dim ?? 0) is not the width of \(path), \(source.dimension); leave it out")
    }
    if source.missingItems > 0 {
      console.note("\(source.missingItems) of \(dataset.items.count) items are not in the list of ids and get no states")
    }
    if source.unusedItems > 0 {
      console.note("\(source.unusedItems) items of the list are not in the data set")
    }
    try write(source, dataset, type: dtype?.elementType ?? source.type)
  }

  private func write(_ source: some TokenSource, _ dataset: Dataset, type: ElementType) throws {
    let items = DatasetItems(dataset)
    let start = ContinuousClock.now
    let bar = ProgressBar("encode", total: items.count, unit: "item", console: console)
    let writer = TokenStatesWriter(folder: dataset.path, itemTableChecksum: items.checksum, tokens: tokens, type: type)
    let record = try writer.write(source, items: items) {
      bar.update(completed: $0)
    } beforeRecord: { record in
      bar.finish()
      let textBar = ProgressBar("text vectors", total: items.count, unit: "item", console: console)
      try TextVectors.write(
        folder: dataset.path, items: items, itemTableChecksum: items.checksum, record: record,
        states: TokenStates(path: "\(dataset.path)/\(TokenStates.fileName)", items: items.count)
      ) { textBar.update(completed: $0) }
      textBar.finish()
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    guard !outputOptions.quiet else { return }
    print(
      """
      \(record.encoder): \(HumanFormat.count(record.items, "item")), \(HumanFormat.count(record.itemsWithStates)) with text, \
      \(HumanFormat.count(record.rows, "token state")) of \(record.width) as \(record.type), \
      \(HumanFormat.bytes(record.rows * record.width * type.size)), \
      \(HumanFormat.rate(Double(record.items) / max(seconds, 1e-3))) items/s
      \(NextCommands.lines(NextCommands.configure(dataset.path)).joined(separator: "\n"))
      """)
  }
}
