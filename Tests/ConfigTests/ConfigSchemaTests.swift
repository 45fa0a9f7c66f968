import Files
import Foundation
import Testing

@testable import Config

/// The schema takes what the reader takes, and refuses what it refuses as far as one key goes.
struct ConfigSchemaTests {
  private let schema = ConfigSchema.json

  /// Every violation of a schema by a value: the keywords that the schema uses, and no others.
  private func faults(_ value: JSONValue, _ schema: JSONValue, at path: String = "") -> [String] {
    guard case .object(let keywords) = schema else { return ["\(path): no schema"] }
    return keywords.flatMap { keyword in
      switch (keyword.key, keyword.value) {
      case ("$comment", _), ("$schema", _), ("title", _), ("description", _), ("default", _): [String]()
      case ("properties", .object(let properties)): members(value, properties, at: path)
      case ("items", let items): elements(value).enumerated().flatMap { faults($1, items, at: "\(path).\($0)") }
      case ("additionalProperties", .bool(false)), ("required", .array): names(value, schema, keyword, at: path)
      default: holds(value, keyword.key, keyword.value) ? [] : ["\(path): \(keyword.key) \(keyword.value.line)"]
      }
    }
  }

  private func members(_ value: JSONValue, _ properties: [JSONValue.Field], at path: String) -> [String] {
    properties.flatMap { property in value[property.key].map { faults($0, property.value, at: "\(path).\(property.key)") } ?? [] }
  }

  private func elements(_ value: JSONValue) -> [JSONValue] { if case .array(let values) = value { values } else { [] } }

  private func names(_ value: JSONValue, _ schema: JSONValue, _ keyword: JSONValue.Field, at path: String) -> [String] {
    guard case .object(let members) = value else { return [] }
    if case .array(let required) = keyword.value {
      return required.filter { name in !members.contains { .string($0.key) == name } }.map { "\(path): lacks \($0.line)" }
    }
    return members.filter { schema["properties"]?[$0.key] == nil }.map { "\(path).\($0.key): unknown" }
  }

  private func holds(_ value: JSONValue, _ keyword: String, _ bound: JSONValue) -> Bool {
    switch (keyword, value, bound) {
    case ("type", _, .array(let types)): return types.contains { isOf(value, $0) }
    case ("type", _, _): return isOf(value, bound)
    case ("enum", _, .array(let choices)): return choices.contains(value)
    case ("pattern", .string(let text), .string(let pattern)):
      return (try? Regex(pattern).wholeMatch(in: text)) != nil
    case ("minItems", .array(let values), .int(let least)): return values.count >= least
    case ("uniqueItems", .array(let values), _): return Set(values.map(\.line)).count == values.count
    case ("not", _, _): return bound["const"] != value
    case ("pattern", _, .string), ("minItems", _, .int), ("uniqueItems", _, .bool): return true
    default: return bound.number.map { limit in value.number.map { isWithin($0, keyword, limit) } ?? true } ?? false
    }
  }

  private func isWithin(_ number: Double, _ keyword: String, _ limit: Double) -> Bool {
    switch keyword {
    case "minimum": number >= limit
    case "maximum": number <= limit
    case "exclusiveMinimum": number > limit
    case "exclusiveMaximum": number < limit
    default: false
    }
  }

  private func isOf(_ value: JSONValue, _ type: JSONValue) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.string, "string"), (.array, "array"), (.object, "object"), (.int, "integer"),
      (.int, "number"), (.double, "number"):
      true
    default: false
    }
  }

  private func faults(yaml: String) throws -> [String] {
    faults(JSONValue(try ConfigDocument.parse(yaml) { .line($0) }), schema)
  }

  @Test(arguments: PublishedConfigTests.files)
  func publishedConfigurationsConform(file: String) throws {
    let text = try String(contentsOfFile: "\(PublishedConfigTests.folder)/\(file)", encoding: .utf8)
    #expect(try faults(yaml: text) == [])
  }

  @Test(arguments: [RunConfig(), ConfigWriterTests.unusual])
  func whatIsWrittenConforms(config: RunConfig) throws {
    // 18446744073709551615 is more than a JSON number of ours holds.
    var config = config
    config.seed = 5
    #expect(try faults(yaml: ConfigWriter.text(config)) == [])
    #expect(try faults(yaml: ConfigStarter.text) == [] && faults(yaml: "model:\ntargeted:\nbench:\n") == [])
    #expect(try faults(yaml: "batch: {users: 1_024}\nuniversal: {negatives: 2_048, epochs: 3}") == [])
  }

  @Test(arguments: [
    ("modle: {layers: 1}", ".modle: unknown"), ("model: {layer: 1}", ".model.layer: unknown"),
    ("model: {layers: 0}", ".model.layers: minimum 1"), ("model: {layers: 65}", ".model.layers: maximum 64"),
    ("model: {layers: two}", ".model.layers: pattern"), ("model: {dropout: 1}", ".model.dropout: exclusiveMaximum 1.0"),
    ("model: {block: post}", ".model.block: enum"), ("model: {scene_embedding: yes}", ".model.scene_embedding: type"),
    ("optimizer: {learning_rate: 0}", ".optimizer.learning_rate: exclusiveMinimum 0.0"),
    ("universal: {negatives: most}", ".universal.negatives: pattern"), ("universal: {negatives: 0}", "negatives: minimum 1"),
    ("evaluation: {cutoffs: []}", ".evaluation.cutoffs: minItems 1"), ("evaluation: {cutoffs: [5, 5]}", "uniqueItems"),
    ("evaluation: {cutoffs: [0]}", ".evaluation.cutoffs.0: minimum 1"), ("targeted: [{scene: a}]", ".targeted.0: lacks \"name\""),
    ("targeted: [{name: universal}]", ".targeted.0.name: not"), ("targeted: [{name: A b}]", ".targeted.0.name: pattern"),
    ("targeted: [{name: a, freeze: [id]}]", ".targeted.0.freeze.0: enum"), ("targeted: {name: a}", ".targeted: type"),
    ("targeted: [{name: a, objective: {bpr: -1}}]", ".targeted.0.objective.bpr: minimum 0"), ("- model", ": type \"object\""),
    ("guards: {timeout_s: never}", ".guards.timeout_s: type"), ("seed: -1", ".seed: minimum 0"),
  ])
  func whatTheReaderRefusesIsRefused(yaml: String, fault: String) throws {
    let found = try faults(yaml: yaml)
    #expect(found.count == 1 && found.allSatisfy { $0.contains(fault) }, "\(found)")
    #expect(throws: ConfigProblems.self) { try ConfigReader.read(text: yaml, name: "c") }
  }

  /// Defaults are the table's, and conform where they are given.
  @Test func everyKeyHasDescriptionAndDefault() throws {
    for key in ConfigKeys.listing {
      var node = schema
      for part in key.path.split(separator: ".") {
        node = try #require(part == "0" ? node["items"] : node["properties"]?[String(part)], "\(key.path)")
      }
      #expect(node["description"] == .string(key.reason))
      guard key.path != "targeted.0.name" else { continue }
      let fallback = try #require(node["default"], "\(key.path)")
      let written = JSONValue(try ConfigDocument.parse(key.value) { .line($0) })
      #expect(faults(fallback, node) == [] && fallback == written)
    }
  }
}
