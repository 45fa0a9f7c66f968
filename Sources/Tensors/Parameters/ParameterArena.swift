/// All dense parameters in one flat buffer, and their gradients in a second one.
///
/// Tensors are views, so clip, AdamW, all-reduce and checkpoints each walk one buffer. Name, shape, order and start are
/// declared once, in the specs (llm.c's idea of one block, without its three lists kept in step by hand).
package final class ParameterArena {
  /// The parameters in order of declaration, which is the order in the flat buffers.
  package let parameters: [Parameter]
  /// The flat values; tensors are padded to 16 elements, the padding stays zero.
  package let values: Vector
  /// The flat gradients.
  package let gradients: Vector
  private let byName: [String: Parameter]
  private var frozen: [Parameter] = []
  private let owners: (Storage<Float>, Storage<Float>, Storage<UInt8>)

  /// One byte an element of the flat buffers: 1 where weight decay applies.
  package var decays: UnsafePointer<UInt8> { UnsafePointer(owners.2.base) }

  /// Lays out and initializes the parameters: each tensor is a pure function of (seed, its name).
  package init(_ specs: [ParameterSpec], seed: UInt64) {
    precondition(Set(specs.map(\.name)).count == specs.count, "a parameter is declared twice in \(specs.map(\.name))")
    let total = Self.count(of: specs)
    let valueStorage = Storage<Float>(count: total)
    let gradientStorage = Storage<Float>(count: total)
    let decayStorage = Storage<UInt8>(count: total)
    var parameters: [Parameter] = []
    var offset = 0
    for spec in specs {
      let columns = spec.shape.last ?? 1
      let rows = columns == 0 ? 0 : spec.count / columns
      parameters.append(
        Parameter(
          name: spec.name, shape: spec.shape, group: spec.group, rows: spec.rows, offset: offset,
          value: Matrix(valueStorage.base + offset, rows: rows, columns: columns),
          gradient: Matrix(gradientStorage.base + offset, rows: rows, columns: columns)))
      if spec.decays { (decayStorage.base + offset).update(repeating: 1, count: spec.count) }
      Self.fill(valueStorage.base + offset, spec, seed: seed)
      offset += Self.padded(spec.count)
    }
    self.parameters = parameters
    values = Vector(valueStorage.base, count: total)
    gradients = Vector(gradientStorage.base, count: total)
    byName = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    owners = (valueStorage, gradientStorage, decayStorage)
  }

  /// The length of the flat buffers that some parameters need, padding included.
  package static func count(of specs: [ParameterSpec]) -> Int { specs.reduce(0) { $0 + padded($1.count) } }

  /// The parameter of a name; traps on a name that was never declared.
  package subscript(name: String) -> Parameter {
    guard let parameter = byName[name] else { preconditionFailure("no parameter is named \(name)") }
    return parameter
  }

  /// The parameter of a name, or nil.
  package func find(_ name: String) -> Parameter? { byName[name] }

  /// Sets every gradient to zero, before a step's backward adds to them.
  package func clearGradients() { gradients.clear() }

  /// Keeps some parameters as they are from now on: no weight decay, and `clearFrozenGradients` drops their gradients.
  package func freeze(where isFrozen: (ParameterGroup) -> Bool) {
    frozen = parameters.filter { isFrozen($0.group) }
    for parameter in frozen { (owners.2.base + parameter.offset).update(repeating: 0, count: parameter.count) }
  }

  /// Sets the gradients of frozen parameters to zero, after backward and before the update.
  package func clearFrozenGradients() {
    for parameter in frozen { parameter.gradient.clear() }
  }

  private static func padded(_ count: Int) -> Int { (count + 15) & ~15 }

  private static func fill(_ base: UnsafeMutablePointer<Float>, _ spec: ParameterSpec, seed: UInt64) {
    let stream = RandomStream(seed: seed, purpose: .denseParameter, step: RandomStream.hash(spec.name))
    switch spec.initialization {
    case .zeros: break
    case .ones: base.update(repeating: 1, count: spec.count)
    case .normal(let deviation): stream.fillNormal(row: 0, Vector(base, count: spec.count), deviation: deviation)
    case .xavierUniform:
      precondition(spec.shape.count >= 2, "\(spec.name): Xavier needs two extents, not \(spec.shape)")
      let fans = Float(spec.shape[spec.shape.count - 1] + spec.shape[spec.shape.count - 2])
      stream.fillUniform(row: 0, Vector(base, count: spec.count), bound: (6 / fans).squareRoot())
    }
  }
}
