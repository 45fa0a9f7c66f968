package import Collectives
import Files
import Tensors

extension TextVectors {
  private static let blockItems = 1024

  /// Writes a data set's text vectors beside its token states; collective.
  ///
  /// The file is the same, byte for byte, on any number of ranks.
  ///
  /// - Parameters:
  ///   - states: the states that the folder's record is of; their means are read when a language model made them.
  ///   - communicator: the ranks, each of which makes the vectors of a share of the items.
  ///   - known: words met before, shared by the ranks of a process.
  ///   - progress: called now and then with the number of items done, as far as this rank can tell from its own share.
  /// - Throws: `InputError` when the disk refuses.
  package static func write(
    folder: String, items: some TextItems, itemTableChecksum: String, record: EncodingRecord, states: TokenStates,
    on communicator: any Communicator = SoloCommunicator(), known: WordStates = WordStates(), progress: (Int) -> Void = { _ in }
  ) throws {
    let workspace = Workspace()
    let own = ItemShares.own(communicator, count: items.count) {
      ItemShares.work(ofText: items.textSize($0), words: LexicalEncoder.mostWords)
    }
    var counts = WordCounts()
    for item in own { counts.count(items.text(item)) }
    let words = try counts.shared(on: communicator)
    let axes = record.encoder == HashedEncoder.name ? nil : try SemanticAxes(of: states, workspace: workspace, on: communicator)
    let lexical = LexicalEncoder(
      dimension: axes == nil ? 2 * TextVectorMaker.lexicalWidth : TextVectorMaker.lexicalWidth, weights: words.weights,
      known: known)
    let maker = TextVectorMaker(lexical: lexical, axes: axes)
    let file = try SharedTensors(
      path: "\(folder)/\(fileName)",
      tensors: [
        TensorSpec("words", .u64, [words.total]), TensorSpec("frequencies", .i64, [words.total]),
        TensorSpec("mean", .f32, [axes?.mean.count ?? 0]),
        TensorSpec("directions", .f32, [axes?.mean.count ?? 0, axes?.count ?? 0]),
        TensorSpec("vectors", .f16, [items.count, maker.width]),
      ],
      metadata: [
        ruleKey: "\(rule)", "texts": "\(words.weights.texts)", TokenStates.itemTableKey: itemTableChecksum,
        statesKey: record.fileChecksum,
      ], on: communicator)
    try communicator.agree(on: InputError.init) {
      try file.begin(0, at: words.first)
      try file.write(words.words)
      try file.begin(1, at: words.first)
      try file.write(words.frequencies.map { Int64($0) })
      if communicator.isFirst, let axes {
        try file.begin(2, at: 0)
        try file.write(axes.mean)
        try file.begin(3, at: 0)
        try file.write(axes.directions)
      }
      try file.begin(4, at: own.lowerBound * maker.width)
      try write(maker, items, own, states, to: file, workspace: workspace) { progress($0 * items.count / own.count) }
    }
    _ = try file.finish()
  }

  /// Writes the vectors of some items, a block at a time.
  private static func write(
    _ maker: TextVectorMaker, _ items: some TextItems, _ own: Range<Int>, _ states: TokenStates, to file: SharedTensors,
    workspace: Workspace, progress: (Int) -> Void
  ) throws {
    for start in stride(from: own.lowerBound, to: own.upperBound, by: blockItems) {
      let block = start..<min(start + blockItems, own.upperBound)
      try workspace.scope {
        let vectors = workspace.matrix(block.count, maker.width)
        let scratch = workspace.matrix(max(states.maxTokens, 1), states.dimension)
        maker.make(
          into: vectors, text: { items.text(start + $0) },
          mean: { states.copyMean(start + $0, into: $1, scratch: scratch.base) }, workspace: workspace)
        let stored = workspace.take(UInt16.self, vectors.count)
        ElementType.f16.encode(UnsafeBufferPointer(vectors.buffer), into: stored)
        try file.write(UnsafeRawBufferPointer(start: stored, count: 2 * vectors.count))
      }
      states.forget(block)
      progress(block.upperBound - own.lowerBound)
    }
  }
}
