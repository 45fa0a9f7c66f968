import ArgumentParser
import Collectives
import Datasets
import Files
import Foundation
import Preparation
import Reporting
import Texts

/// `precise encode`: gives a data set's items their token states.
struct EncodeCommand: RankCommand {
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
    abstract: "Gives a data set's items token states, from words, a language model or an embedding API.",
    discussion: """
      Examples:
        precise encode dataset/
        precise encode dataset/ --states states.safetensors --tokens 16
        precise encode dataset/ --vectors embeddings.npy --encoder-name text-embedding-3-small
        mpirun -n 8 precise encode dataset/

      The first hashes the words and features of each text and needs nothing else. The second takes the last hidden states of any \
      language model from a file as cluster/encode/encode_items.py writes it: offsets I64 [V+1], states [rows, d] in \
      F32, F16 or BF16, and the ids of its items, one a line, in states.safetensors.ids.txt. The third takes one vector an \
      item, as embedding APIs return it: a NumPy array or a safetensors tensor "embeddings" [items, width] with the ids in \
      FILE.ids.txt, or lines {"id": …, "embedding": […]} or a Parquet table with these columns. Items that a file does not name get no states. Writes token_states.safetensors and encode.json into the data set, and text_vectors.safetensors: each text as one \
      vector, by its words and by the model's states, with which training blends its scores. The files are the same on any number of ranks.
      """)

  @Argument(help: "The data set's folder.", completion: .directory)
  var dataset: String
  @Option(help: "The built-in encoder: hashed (the default).")
  var encoder: Encoder?
  @Option(help: ArgumentHelp("Token states made by a language model.", valueName: "file"), completion: .file())
  var states: String?
  @Option(
    help: ArgumentHelp("One vector an item: .npy, safetensors, Parquet or JSON lines.", valueName: "file"), completion: .file())
  var vectors: String?
  @Option(
    help: ArgumentHelp(
      "The ids that the states or vectors are of, one a line; default: FILE.ids.txt, for vectors then items.txt beside it.",
      valueName: "file"), completion: .file())
  var ids: String?
  @Option(
    help: ArgumentHelp("What to call the encoder of --vectors; default: as the file does, else vectors.", valueName: "name"))
  var encoderName: String?
  @Option(help: "Tokens kept of an item's text. (default: 16)")
  var tokens: Int?
  @Option(
    help: ArgumentHelp("Width of a hashed state (default 128); with a file it must be the file's.", valueName: "width"))
  var dim: Int?
  @Option(help: "How states are stored: f32, f16 or bf16; default: as in the file, f16 for hashed ones.")
  var dtype: StoredType?
  @OptionGroup var rankOptions: RankOptions
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    let given = [("--encoder", encoder != nil), ("--states", states != nil), ("--vectors", vectors != nil)].filter(\.1).map(\.0)
    guard given.count <= 1 else { throw ValidationError("give \(given.joined(separator: " or ")), one of them") }
    guard ids == nil || states ?? vectors != nil else { throw ValidationError("--ids goes with --states or --vectors") }
    guard encoderName == nil || vectors != nil else { throw ValidationError("--encoder-name goes with --vectors") }
    if let encoderName, let problem = Self.problem(ofName: encoderName) { throw ValidationError(problem) }
    guard vectors == nil || tokens == nil else { throw ValidationError("each vector is one token; leave --tokens out") }
    if let tokens, !(1...4096).contains(tokens) { throw ValidationError("--tokens must be 1 to 4096, not \(tokens)") }
    if let dim, !(1...65_536).contains(dim) { throw ValidationError("--dim must be 1 to 65536, not \(dim)") }
  }

  func run() throws {
    try reportingFailures {
      let dataset = try Dataset(path: dataset)
      let limit = tokens ?? Self.usualTokens
      if let states {
        let source = try ForeignStates(path: states, ids: ids, items: DatasetItems(dataset), maxTokens: limit)
        try checkWidth(of: source)
        try onRanks(dataset) { own in
          note(source.missingItems, source.unusedItems, dataset, "states", own.console)
          try write(source, dataset, tokens: limit, type: source.type, on: own)
        }
      } else if let vectors {
        try encode(dataset, vectors: vectors)
      } else {
        let encoder = HashedEncoder(dimension: dim ?? 128, maxTokens: limit)
        let source = HashedSource(items: DatasetItems(dataset), encoder: encoder)
        try onRanks(dataset) { own in
          try checkFeatures(dataset, limit, on: own.communicator)
          try write(source, dataset, tokens: limit, type: .f16, on: own)
        }
      }
    }
  }

  private static let usualTokens = 16

  /// What a rank has.
  private struct Rank {
    let communicator: any Communicator
    let console: Console
    /// The words of text vectors that the ranks of this process have met.
    let known: WordStates
  }

  private func onRanks(_ dataset: Dataset, _ body: @escaping @Sendable (Rank) throws -> Void) throws {
    let known = WordStates()
    try rankOptions.run(atMost: dataset.items.count / ItemShares.fewestItems, console: outputOptions.console) {
      try body(Rank(communicator: $0, console: $1, known: known))
    }
  }

  private func encode(_ dataset: Dataset, vectors path: String) throws {
    guard path != "-" || (Launch.detect(ProcessInfo.processInfo.environment)?.size ?? 1) == 1 else {
      throw CommandFailure(PreciseExit.usage, "--vectors - is for one process: a launcher passes it on to one only; name a file")
    }
    let items = DatasetItems(dataset)
    let opened = try ForeignVectors(unchecked: path, ids: ids, items: items, name: encoderName)
    try checkWidth(of: opened)
    try onRanks(dataset) { own in
      let source = try opened.checked(items, on: own.communicator)
      note(source.missingItems, source.unusedItems, dataset, "vectors", own.console)
      if source.zeroItems > 0 {
        own.console.note("the vectors of \(HumanFormat.count(source.zeroItems, "item")) are all zeros and count as none")
      }
      if own.communicator.isFirst && source.missingItems * 2 > dataset.items.count {
        printError("warning: more than half of the data set's items have no vector; are these the vectors of the same catalogue?")
      }
      try write(source, dataset, tokens: 1, type: source.type, on: own)
    }
  }

  private func checkWidth(of source: some TokenSource) throws {
    guard let dim, let file = source.file, dim != source.dimension else { return }
    throw CommandFailure(PreciseExit.usage, "--dim \(dim) is not the width of \(file), \(source.dimension); leave it out")
  }

  /// Throws `InputError` when an item has more features than tokens: features are never cut.
  private func checkFeatures(_ dataset: Dataset, _ limit: Int, on communicator: any Communicator) throws {
    try communicator.agree(on: InputError.init) {
      for item in Shares.range(of: communicator.rank, ranks: communicator.size, count: dataset.items.count) {
        let features = dataset.items.textBytes(item).count { $0 == ItemText.separator }
        guard features <= limit else {
          throw InputError(
            "item \"\(dataset.items.id(item))\" has \(features) features and each is a token; give --tokens \(features) or more")
        }
      }
    }
  }

  /// What is wrong with a name that is to stand in a record and on terminals; nil when it is sound.
  private static func problem(ofName name: String) -> String? {
    let isSound = !name.isEmpty && name.utf8.count <= 200 && name == printable(name) && name != HashedEncoder.name
    return isSound
      ? nil : "--encoder-name is a short name such as text-embedding-3-small, not \"\(printable(String(name.prefix(40))))\""
  }

  private func note(_ missing: Int, _ unused: Int, _ dataset: Dataset, _ what: String, _ console: Console) {
    if missing > 0 {
      console.note(
        "\(HumanFormat.count(missing)) of \(HumanFormat.count(dataset.items.count, "item")) are not in the file and get no \(what)"
      )
    }
    if unused > 0 {
      console.note("\(HumanFormat.count(unused, "item")) of the file \(unused == 1 ? "is" : "are") not in the data set")
    }
  }

  /// What is to be said where states of another kind are replaced: runs that were trained on these do not read others.
  private func replaced(_ dataset: Dataset, by source: some TokenSource, _ tokens: Int) -> String? {
    guard TokenStates.exist(in: dataset), let old = try? EncodingRecord(folder: dataset.path) else { return nil }
    guard (old.encoder, old.width, old.tokens) != (source.name, source.dimension, tokens) else { return nil }
    return
      "warning: token states of \(printable(old.encoder)), \(old.tokens) tokens of \(old.width), were replaced; runs that were trained on "
      + "them need the data set encoded in that way"
  }

  private func write(_ source: some TokenSource, _ dataset: Dataset, tokens: Int, type: ElementType, on own: Rank) throws {
    let (communicator, console) = (own.communicator, own.console)
    let items = DatasetItems(dataset)
    let start = ContinuousClock.now
    let bar = ProgressBar("encode", total: items.count, unit: "item", console: console)
    let staged = try communicator.agree(on: InputError.init) {
      communicator.isFirst ? try StagedFiles("encode", in: dataset.path) : nil
    }
    let folder = try communicator.broadcast(staged?.path)
    let writer = TokenStatesWriter(
      folder: folder, itemTableChecksum: items.checksum, tokens: tokens, type: dtype?.elementType ?? type)
    let record = try writer.write(source, items: items, on: communicator) {
      bar.update(completed: $0)
    } beforeRecord: { record in
      bar.update(completed: items.count)
      bar.finish()
      let textBar = ProgressBar("text vectors", total: items.count, unit: "item", console: console)
      let states = try communicator.agree(on: InputError.init) {
        try TokenStates(path: "\(folder)/\(TokenStates.fileName)", items: items.count)
      }
      try TextVectors.write(
        folder: folder, items: items, itemTableChecksum: items.checksum, record: record, states: states, on: communicator,
        known: own.known
      ) { textBar.update(completed: $0) }
      textBar.update(completed: items.count)
      textBar.finish()
    }
    let replaced = communicator.isFirst ? replaced(dataset, by: source, tokens) : nil
    try communicator.agree(on: InputError.init) {
      try staged?.commit([TokenStates.fileName, TextVectors.fileName, EncodingRecord.fileName])
    }
    guard communicator.isFirst else { return }
    if let replaced { printError(replaced) }
    printResult(record, dataset, seconds: (ContinuousClock.now - start) / .seconds(1))
  }

  private func printResult(_ record: EncodingRecord, _ dataset: Dataset, seconds: Double) {
    guard !outputOptions.quiet else { return }
    print(
      """
      \(record.encoder): \(HumanFormat.count(record.items, "item")), \(HumanFormat.count(record.itemsWithStates)) with \(record.kind == .vectors ? "a vector" : "text"), \
      \(HumanFormat.count(record.rows, "token state")) of \(record.width) as \(record.type), \
      \(HumanFormat.bytes(record.rows * record.width * (ElementType(rawValue: record.type)?.size ?? 0))), \
      \(HumanFormat.rate(Double(record.items) / max(seconds, 1e-3))) items/s
      \(NextCommands.lines(NextCommands.configure(dataset.path)).joined(separator: "\n"))
      """)
  }
}
