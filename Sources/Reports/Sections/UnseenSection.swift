import Files

/// What becomes of items that nothing was trained on, and how much of the catalogue anybody sees.
struct UnseenSection {
  private let runs: [ReportedRun]

  init(_ runs: [ReportedRun]) { self.runs = runs }

  var section: Section? {
    let phases = PhaseRankings.all(runs)
    guard !phases.isEmpty else { return nil }
    let note = Html(
      .p, [.style("note")],
      text:
        "Unseen are held-out items without a training event. Coverage is the share of the catalogue that is in anybody's first "
        + "items, novelty the mean surprise of these items in bits: more of it means less popular items.")
    return Section(id: "unseen", title: "Unseen items and coverage", content: [note] + phases.map(table))
  }

  private func table(_ phase: PhaseRankings) -> Html {
    let wholes = ["coverage", "distinct_items", "novelty"]
    let names = wholes.map { prefix in
      phase.series.lazy.compactMap { $0.run.evaluation.whole($0.source, $0.ranking, prefix)?.name }.first
    }
    let shown = zip(wholes, names).filter { $0.1 != nil }
    let metrics = Array(phase.metrics.prefix(2))
    let rows = phase.series.map { series in
      let own = shown.map { prefix, _ -> DataTable.Cell in
        let number = series.run.evaluation.whole(series.source, series.ranking, prefix)?.number
        return prefix == "distinct_items" ? .count(number) : .number(number, decimals: prefix == "coverage" ? 4 : 2)
      }
      return DataTable.Row(
        series.head,
        [.count(series.value(.unseen, "users"))] + metrics.map { .estimate(series.value(.unseen, $0), series.error(.unseen, $0)) }
          + own,
        group: series.group)
    }
    let heads =
      ["ranked by", "users with an unseen item"] + metrics.map { "\($0), unseen" }
      + shown.compactMap { $0.1?.replacing("_", with: " ") }
    return DataTable("\(phase.phase), \(phase.event)", heads: heads, rows: rows).html
  }
}
