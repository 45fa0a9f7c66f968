package import Collectives
package import Tensors

/// The whole model of one rank: dense parameters in full, and its share of the item table.
///
/// docs/model.md, sections 1 to 3.
///
/// Letters: U unique items of a step, B users, T packed positions, d width.
package final class PreciseModel {
  /// Activations of the transformer, kept for backward.
  package struct Encoded {
    /// h `[T, d]`, after the final layer norm.
    package let hidden: Matrix
    let residual: Matrix  // z after the last block
    let blocks: UnsafeMutablePointer<TransformerBlock.Saved>  // [layers], in the workspace like what they point to
    let finalNorm: LayerNorm.Saved
    let batch: PackedBatch  // with what a time bias reads of it
  }

  /// The extents.
  package let shape: ModelShape
  /// The dense parameters and their gradients.
  package let parameters: ParameterArena
  /// The item table, as this rank sees it.
  package let items: ItemTable
  /// The user head, in targeted phases.
  package let userHead: UserHead?
  private let embedding: SequenceEmbedding
  private let blocks: [TransformerBlock]
  private let finalNorm: LayerNorm
  private let starts: GradientStarts

  /// Makes and initializes a model; everything is a pure function of the plan's seed.
  ///
  /// - Parameter table: the number of items and tokens, the row optimizer's rule, the seed.
  package convenience init(_ shape: ModelShape, table: ItemTable.Plan, communicator: any Communicator) {
    let parameters = ParameterArena(Self.specs(shape), seed: table.seed)
    self.init(shape, parameters, ItemTable(table, arena: parameters, communicator: communicator))
  }

  /// Starts a targeted phase from another phase's model: the item table is taken over, dense parameters are copied by name.
  ///
  /// A user head always starts anew: it belongs to one phase.
  package convenience init(_ shape: ModelShape, continuing other: PreciseModel, seed: UInt64) {
    precondition(shape.fusion == other.shape.fusion, "a phase cannot change embedding fusion")
    let parameters = ParameterArena(Self.specs(shape), seed: seed)
    for parameter in parameters.parameters where parameter.group != .userHead {
      let source = other.parameters[parameter.name]
      precondition(source.shape == parameter.shape, "\(parameter.name): \(source.shape) becomes \(parameter.shape)")
      parameter.value.base.update(from: source.value.base, count: parameter.count)
    }
    self.init(shape, parameters, ItemTable(other.items, arena: parameters))
  }

  private init(_ shape: ModelShape, _ parameters: ParameterArena, _ items: ItemTable) {
    self.shape = shape
    self.parameters = parameters
    self.items = items
    embedding = SequenceEmbedding(in: parameters)
    blocks = (0..<shape.layers).map { TransformerBlock($0, heads: shape.heads, in: parameters) }
    finalNorm = LayerNorm("final_norm", in: parameters)
    starts = GradientStarts(shape, parameters)
    userHead = shape.userHead.map { UserHead(length: shape.length, residual: $0 == .residual, in: parameters) }
  }

  /// Every dense parameter, in the order of the flat buffers: backward order is the reverse.
  package static func specs(_ shape: ModelShape) -> [ParameterSpec] {
    let width = shape.fusion.width
    var specs = EmbeddingFusion.specs(shape.fusion)
    specs += SequenceEmbedding.specs(length: shape.length, width: width, scenes: shape.scenes, behaviors: shape.behaviors)
    for layer in 0..<shape.layers {
      specs += TransformerBlock.specs(
        layer, width: width, form: shape.block, timeHeads: shape.time == nil ? nil : shape.heads)
    }
    specs += LayerNorm.specs("final_norm", width: width)
    if let kind = shape.userHead {
      specs += UserHead.specs(length: shape.length, width: width, residual: kind == .residual)
    }
    return specs
  }

  /// The transformer over the embeddings e `[U, d]`: h `[T, d]`, and what backward needs, in the workspace.
  package func encode(
    _ e: Matrix, input: SequenceEmbedding.Input, batch: PackedBatch, mode: ForwardMode, workspace: Workspace
  ) -> Encoded {
    let batch = aged(batch, workspace)
    var z = workspace.matrix(batch.positions, e.columns)
    embedding.forward(e, input: input, batch: batch, mode: mode, into: z, workspace: workspace)
    let saved = workspace.take(TransformerBlock.Saved.self, blocks.count)
    for (layer, block) in blocks.enumerated() {
      saved[layer] = block.forward(z, batch: batch, mode: mode, workspace: workspace)
      z = saved[layer].output
    }
    let hidden = workspace.matrix(z.rows, z.columns)
    let norm = LayerNorm.Saved(rows: z.rows, workspace: workspace)
    finalNorm.forward(z, into: StoredRows(hidden), saved: norm)
    return Encoded(hidden: hidden, residual: z, blocks: saved, finalNorm: norm, batch: batch)
  }

  /// The batch with what the blocks' time bias reads of it.
  private func aged(_ batch: PackedBatch, _ workspace: Workspace) -> PackedBatch {
    shape.time.map { batch.aged($0, workspace: workspace) } ?? batch
  }

  /// The transformer for inference from the newest position of each sequence: h `[B, d]`, in the workspace.
  ///
  /// The same numbers as the newest rows of `encode`, but for the order of attention's sums: the last block computes nothing else.
  /// A sequence without positions gets numbers without meaning.
  package func encodeNewest(
    _ e: Matrix, input: SequenceEmbedding.Input, batch: PackedBatch, workspace: Workspace
  ) -> Matrix {
    let mode = ForwardMode.inference(causal: true)
    let hidden = workspace.matrix(batch.users, e.columns)
    workspace.scope {
      let batch = aged(batch, workspace)
      var z = workspace.matrix(batch.positions, e.columns)
      embedding.forward(e, input: input, batch: batch, mode: mode, into: z, workspace: workspace)
      for block in blocks.dropLast() { z = block.output(z, batch: batch, mode: mode, workspace: workspace) }
      let newest = blocks[blocks.count - 1].forwardNewest(z, batch: batch, workspace: workspace)
      finalNorm.forward(newest, into: StoredRows(hidden), saved: .init(rows: batch.users, workspace: workspace))
    }
    return hidden
  }

  /// From dH `[T, d]`: adds to the parameters' gradients and to dE `[U, d]`.
  ///
  /// - Parameter context: its observer hears whenever more of the flat gradients is complete.
  package func encodeBackward(
    _ encoded: Encoded, dHidden: Matrix, input: SequenceEmbedding.Input, batch: PackedBatch, dE: Matrix, context: StepContext
  ) throws {
    let (workspace, mode) = (context.workspace, context.mode)
    try workspace.scope {
      let dZ = workspace.zeros(dHidden.rows, dHidden.columns)
      finalNorm.backward(x: encoded.residual, saved: encoded.finalNorm, dY: dHidden, dX: dZ)
      try context.complete(from: starts.finalNorm)
      for (layer, block) in blocks.enumerated().reversed() {
        try block.backward(dZ, saved: encoded.blocks[layer], batch: encoded.batch, context: context)
      }
      embedding.backward(dZ, input: input, batch: batch, mode: mode, dE: dE, workspace: workspace)
      try context.complete(from: starts.embedding)
    }
  }
}

/// Where what is not in a block starts in the flat buffers.
private struct GradientStarts {
  let embedding: Int
  let finalNorm: Int

  init(_ shape: ModelShape, _ parameters: ParameterArena) {
    let width = shape.fusion.width
    func start(_ specs: [ParameterSpec]) -> Int { parameters[specs[0].name].offset }
    embedding = start(
      SequenceEmbedding.specs(length: shape.length, width: width, scenes: shape.scenes, behaviors: shape.behaviors))
    finalNorm = start(LayerNorm.specs("final_norm", width: width))
  }
}
