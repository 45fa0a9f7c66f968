import Config
package import Files
import Reporting

extension AblationResults {
  /// Everything that the tables say, with the value of every seed: what another program reads.
  package var json: JSONValue {
    .object([
      .init("command", .string(command)), .init("grid", .string(grid.file)), .init("configuration", .string(grid.config)),
      .init("set", .array(grid.common.map { .string($0.text) })), .init("base", .string(grid.base)),
      .init("seeds", .array(grid.seeds.map(Self.number))),
      .init("variants", .array(grid.variants.map(variantJSON))), .init("incomplete", .array(failures.map { .string($0) })),
      .init("results", .array(grid.settings.flatMap { setting in phases.flatMap { rows(setting.label, $0) } })),
      .init("popularity", .array(selections("test").flatMap(PopularityPicture(self).json))),
      .init("learning_curves", .array(phases.flatMap(CurvePicture(self).json))),
    ])
  }

  private func selections(_ split: String) -> [Selection] {
    grid.settings.flatMap { setting in
      phases.map { Selection(setting: setting.label, phase: $0, split: split) }
    }
  }

  static func number(_ seed: UInt64) -> JSONValue {
    if let seed = Int(exactly: seed) { .int(seed) } else { .string(String(seed)) }
  }

  private func variantJSON(_ variant: AblationGrid.Variant) -> JSONValue {
    .object([
      .init("name", .string(variant.name)), .init("set", .array(variant.overrides.map { .string($0.text) })),
      .init("dataset", data[variant.name].map { JSONValue.string($0.path) } ?? .null),
      .init("dataset_checksum", data[variant.name].map { JSONValue.string($0.checksum) } ?? .null),
    ])
  }

  /// A row for each split, variant, model, group of users and metric that any seed has, then those of what needs no training.
  private func rows(_ setting: String, _ phase: String) -> [JSONValue] {
    var rows: [JSONValue] = []
    for split in ["test", "validation"] {
      let selection = Selection(setting: setting, phase: phase, split: split)
      let models: [String?] = [nil] + references(selection).map { Optional($0) }
      let groups = grid.buckets + categories(selection, most: .max).flatMap(\.groups).filter { !grid.buckets.contains($0) }
      for variant in grid.variants {
        for (reference, bucket) in models.flatMap({ model in groups.map { (model, $0) } }) {
          rows += grid.metrics.compactMap { row(selection, variant.name, reference, bucket, $0) }
        }
      }
      for baseline in baselines(selection) {
        for bucket in groups { rows += grid.metrics.compactMap { row(selection, baseline, bucket, $0) } }
      }
    }
    return rows
  }

  private func row(_ selection: Selection, _ variant: String, _ reference: String?, _ bucket: String, _ metric: String)
    -> JSONValue?
  {
    let values = values(variant, selection, reference: reference, bucket: bucket, metric: metric)
    guard let spread = Spread(values.compactMap { $0 }) else { return nil }
    // A phase is held against the base's, and what stands beside a phase against the phase.
    let own = self.values(variant, selection, bucket: bucket, metric: metric)
    let base = self.values(grid.base, selection, bucket: bucket, metric: metric)
    let difference = reference == nil ? PairedDifference(values, minus: base) : PairedDifference(own, minus: values)
    let errors = reference == nil ? standardErrors(variant, selection, bucket: bucket, metric: metric) : []
    return .object(
      fields(selection, variant, bucket, metric, beside: reference) + [
        .init("values", .array(values.map(Self.optional))),
        .init("mean", .double(spread.mean)), .init("deviation", Self.optional(spread.deviation)),
        .init(reference == nil ? "difference" : "gain", Self.optional(difference?.mean)),
        .init(reference == nil ? "difference_error" : "gain_error", Self.optional(difference?.error)),
      ] + (errors.contains { $0 != nil } ? [.init("standard_errors", .array(errors.map(Self.optional)))] : []))
  }

  private func row(_ selection: Selection, _ baseline: Baseline, _ bucket: String, _ metric: String) -> JSONValue? {
    guard let value = value(baseline, selection, bucket: bucket, metric: metric) else { return nil }
    let difference = difference(baseline, selection, bucket: bucket, metric: metric)
    return .object(
      fields(selection, baseline.variant, bucket, metric, beside: nil) + [
        .init("baseline", .string(baseline.name)), .init("seed", Self.number(baseline.seed)), .init("value", .double(value)),
        .init("standard_error", Self.optional(standardError(baseline, selection, bucket: bucket, metric: metric))),
        .init("difference", Self.optional(difference?.mean)), .init("difference_error", Self.optional(difference?.error)),
      ])
  }

  /// What a row is of.
  private func fields(
    _ selection: Selection, _ variant: String, _ bucket: String, _ metric: String, beside: String?
  ) -> [JSONValue.Field] {
    [
      .init("setting", .string(selection.setting)), .init("phase", .string(selection.phase)),
      .init("split", .string(selection.split)),
      .init("variant", .string(variant)), .init("beside", beside.map { JSONValue.string($0) } ?? .null),
      .init("bucket", .string(bucket)),
      .init("users", users(variant, selection, bucket: bucket).map { JSONValue.int($0) } ?? .null),
      .init("metric", .string(metric)),
    ]
  }

  private static func optional(_ value: Double?) -> JSONValue { value.map { JSONValue.double($0) } ?? .null }
}
