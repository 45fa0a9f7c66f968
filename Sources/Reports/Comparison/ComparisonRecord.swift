import Config
package import Files
import Reporting
import Runs

extension RunComparison {
  /// The comparison for other programs.
  package var json: JSONValue {
    [
      "runs": .array(
        runs.map { run in
          [
            "path": .string(run.path), "name": .string(run.name), "state": .string(run.state.word),
            "dataset": .string(run.record.dataset), "dataset_checksum": .string(run.record.checksum),
          ]
        }),
      "compared_with": 0, "warnings": .array(warnings.map { .string($0) }),
      "configuration": .array(configuration.map(Self.json)), "training": .array(training.map(\.json)),
      "evaluation": .array(tables.map(Self.json)), "error_of_difference": "sqrt(a^2 + b^2), users not paired",
      "beyond_error_at": .double(Difference.reach),
    ]
  }

  private static func json(_ key: Key) -> JSONValue {
    ["key": .string(key.key), "values": .array(key.values.map { $0.map { .string($0) } ?? .null })]
  }

  private static func json(_ table: Table) -> JSONValue {
    [
      "phase": .string(table.entry.phase), "split": .string(table.entry.split),
      "protocol_differences": .array(table.protocolDifferences.map(json)),
      "rows": .array(
        table.rows.map { row in
          [
            "kind": .string(row.group.kind.rawValue), "group": .string(row.group.name), "metric": .string(row.metric),
            "runs": .array(row.cells.map { $0.map(json) ?? .null }),
          ]
        }),
    ]
  }

  private static func json(_ cell: Cell) -> JSONValue {
    var fields: [JSONValue.Field] = [
      .init("value", .double(cell.value.value)), .init("standard_error", .number(cell.error?.value)),
      .init("users", cell.users.flatMap { Int(exactly: $0.value) }.map { .int($0) } ?? .null),
    ]
    if let difference = cell.difference {
      fields += [
        .init("difference", .double(difference.value)), .init("difference_error", .number(difference.error)),
        .init("is_beyond_error", difference.isBeyondError.map { .bool($0) } ?? .null),
      ]
    }
    return .object(fields)
  }
}

extension PhaseComparison {
  /// The training for other programs.
  var json: JSONValue {
    [
      "phase": .string(phase),
      "runs": .array(
        runs.map { run in
          guard let run else { return .null }
          return [
            "finished": .bool(run.isFinished), "step": .int(run.step), "steps": .number(run.steps?.value),
            "result_step": .number(run.resultStep?.value), "metric": run.metric.map { .string($0) } ?? .null,
            "value": .number(run.result?.value), "start_value": .number(run.start?.value), "gain": .number(run.gain),
            "loss": .number(run.loss?.value), "positions_per_s": .number(run.speed), "wall_s": .number(run.wallSeconds),
          ]
        }),
    ]
  }
}

extension JSONValue {
  /// A number, whole where it is; null for none.
  fileprivate static func number(_ value: Double?) -> JSONValue {
    guard let value else { return .null }
    return Int(exactly: value).map { .int($0) } ?? .double(value)
  }
}
