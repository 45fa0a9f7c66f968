/* hnswlib behind plain C: the graph is its own, distances, reading and writing are ours.
 *
 * - Its distances are chosen when it is compiled, and so would be SSE's on every x86-64; ours is a kernel that is picked when the
 *   program starts.
 * - Its loader believes the file and reads it by its path, a second time after any check. Ours takes bytes that were checked.
 * - Its writer does not look at whether the disk took the bytes. Ours hands them out. */
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "CKernels.h"
#include "CNeighbors.h"

namespace {

using hnswlib::HierarchicalNSW;
using hnswlib::tableint;

thread_local char failure[256];

void note(const std::exception &error) {
  std::strncpy(failure, error.what(), sizeof failure - 1);
  failure[sizeof failure - 1] = 0;
}

float product(const float *x, const float *y, long columns) {
  float sum;
  ck_row_dots(1, columns, 1, x, columns, y, columns, &sum);
  return sum;
}

/* While a graph is built, of two rows; `parameter` is their number of columns. hnswlib's own distance is 1 - product, which orders
 * rows alike and is less exact. */
float build_distance(const void *x, const void *y, const void *parameter) {
  return -product(static_cast<const float *>(x), static_cast<const float *>(y), *static_cast<const long *>(parameter));
}

/* While a graph is searched, of a cn_query and a row. */
float search_distance(const void *asked, const void *row, const void *) {
  const cn_query &query = *static_cast<const cn_query *>(asked);
  const float *y = static_cast<const float *>(row);
  float found = product(query.row, y, query.columns);
  if (!query.cosine) return -found;
  float square = product(y, y, query.columns);
  return square > 0 ? -found / std::sqrt(square) : 0;
}

class Space : public hnswlib::SpaceInterface<float> {
  long columns;
  hnswlib::DISTFUNC<float> distance;

public:
  Space(long columns, hnswlib::DISTFUNC<float> distance) : columns(columns), distance(distance) {}
  size_t get_data_size() override { return static_cast<size_t>(columns) * sizeof(float); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void *get_dist_func_param() override { return &columns; }
  virtual ~Space() {}
};

/* The numbers in front of hnswlib's file, in its order and widths. */
struct Header {
  uint64_t first_layer, most_rows, rows, row_bytes, label_at, data_at;
  int32_t top_layer;
  uint32_t entry;
  uint64_t upper_links, lowest_links, neighbors;
  double scale;
  uint64_t build_width;
};
static_assert(sizeof(Header) == 96, "hnswlib writes 96 bytes without a gap");

}  // namespace

struct cn_graph {
  const cn_settings settings;
  Space space;
  HierarchicalNSW<float> links;

  cn_graph(const cn_settings &settings, hnswlib::DISTFUNC<float> distance)
      : settings(settings), space(settings.width, distance),
        links(&space, static_cast<size_t>(std::max(settings.rows, 1L)), static_cast<size_t>(settings.neighbors),
              static_cast<size_t>(settings.build_width), settings.seed) {}

  size_t rows() const { return links.cur_element_count; }
  size_t upper_bytes(size_t row) const {
    int layers = links.element_levels_[row];
    return layers > 0 ? links.size_links_per_element_ * static_cast<size_t>(layers) : 0;
  }

  /* Bytes of a row's links in the lowest layer, which stand before its numbers. */
  size_t link_bytes() const { return links.offsetData_; }

  Header header(size_t stored_bytes) const {
    Header header;
    header.first_layer = links.offsetLevel0_;
    header.most_rows = header.rows = rows();
    header.label_at = link_bytes() + stored_bytes;
    header.row_bytes = header.label_at + sizeof(hnswlib::labeltype);
    header.data_at = link_bytes();
    header.top_layer = links.maxlevel_;
    header.entry = links.enterpoint_node_;
    header.upper_links = links.maxM_;
    header.lowest_links = links.maxM0_;
    header.neighbors = links.M_;
    header.scale = links.mult_;
    header.build_width = links.ef_construction_;
    return header;
  }

  /* Takes over a file's links and rows. */
  void fill(const char *bytes) {
    Header header;
    std::memcpy(&header, bytes, sizeof header);
    bytes += sizeof header;
    std::memcpy(links.data_level0_memory_, bytes, header.rows * header.row_bytes);
    bytes += header.rows * header.row_bytes;
    for (size_t row = 0; row < header.rows; row++) {
      uint32_t count;
      std::memcpy(&count, bytes, sizeof count);
      bytes += sizeof count;
      if (count > 0) {
        links.linkLists_[row] = static_cast<char *>(std::malloc(count));
        if (links.linkLists_[row] == nullptr) throw std::bad_alloc();
        std::memcpy(links.linkLists_[row], bytes, count);
        bytes += count;
      }
      links.element_levels_[row] = static_cast<int>(count / links.size_links_per_element_);
      links.cur_element_count = row + 1; /* what is freed with the graph */
    }
    links.maxlevel_ = header.top_layer;
    links.enterpoint_node_ = header.entry;
  }

  /* The row to start from in the lowest layer: from layer to layer the best that can be reached. */
  tableint descend(const cn_query &query) const {
    tableint best = links.enterpoint_node_;
    float least = search_distance(&query, links.getDataByInternalId(best), nullptr);
    for (int layer = links.maxlevel_; layer > 0; layer--) {
      for (bool changed = true; changed;) {
        changed = false;
        const unsigned *list = links.get_linklist(best, layer);
        unsigned short count = links.getListCount(const_cast<unsigned *>(list));
        for (unsigned short i = 1; i <= count; i++) {
          float distance = search_distance(&query, links.getDataByInternalId(list[i]), nullptr);
          if (!(distance < least)) continue;
          least = distance;
          best = list[i];
          changed = true;
        }
      }
    }
    return best;
  }
};

extern "C" {

struct cn_graph *cn_create(const struct cn_settings *settings) {
  try {
    return new cn_graph(*settings, build_distance);
  } catch (const std::exception &error) {
    note(error);
    return nullptr;
  }
}

int cn_add(struct cn_graph *graph, const float *row, uint64_t label) {
  try {
    graph->links.addPoint(row, label);
    return 0;
  } catch (const std::exception &error) {
    note(error);
    return -1;
  }
}

int cn_link(struct cn_graph *graph, uint64_t label, const int32_t *others, long count) {
  auto &links = graph->links;
  auto row = links.label_lookup_.find(label);
  if (row == links.label_lookup_.end()) return -1;
  unsigned *list = links.get_linklist0(row->second), *first = list + 1;
  size_t taken = links.getListCount(list);
  for (long i = 0; i < count && taken < links.maxM0_; i++) {
    auto other = links.label_lookup_.find(static_cast<uint64_t>(others[i]));
    if (other == links.label_lookup_.end()) return -1;
    if (other->second == row->second || std::find(first, first + taken, other->second) != first + taken) continue;
    first[taken++] = other->second;
  }
  links.setListCount(list, static_cast<unsigned short>(taken));
  return 0;
}

int cn_write(const struct cn_graph *graph, const float *rows, long width,
             int (*take)(void *context, const void *bytes, size_t count), void *context) {
  const size_t stored_bytes = static_cast<size_t>(width) * sizeof(float);
  const Header header = graph->header(stored_bytes);
  if (int status = take(context, &header, sizeof header)) return status;
  for (size_t row = 0; row < graph->rows(); row++) {
    const char *start = graph->links.data_level0_memory_ + row * graph->links.size_data_per_element_;
    hnswlib::labeltype label = graph->links.getExternalLabel(static_cast<tableint>(row));
    if (int status = take(context, start, graph->link_bytes())) return status;
    if (int status = take(context, rows + label * static_cast<size_t>(width), stored_bytes)) return status;
    if (int status = take(context, &label, sizeof label)) return status;
  }
  for (size_t row = 0; row < graph->rows(); row++) {
    uint32_t count = static_cast<uint32_t>(graph->upper_bytes(row));
    if (int status = take(context, &count, sizeof count)) return status;
    if (count == 0) continue;
    if (int status = take(context, graph->links.linkLists_[row], count)) return status;
  }
  return 0;
}

struct cn_graph *cn_read(const struct cn_settings *settings, const void *bytes, size_t) {
  cn_graph *graph = nullptr;
  try {
    graph = new cn_graph(*settings, search_distance);
    graph->fill(static_cast<const char *>(bytes));
    return graph;
  } catch (const std::exception &error) {
    note(error);
    delete graph;
    return nullptr;
  }
}

long cn_search(const struct cn_graph *graph, const struct cn_query *query, long breadth, long count, uint64_t *labels,
               float *scores) {
  if (graph->rows() == 0 || count < 1) return 0;
  try {
    size_t width = static_cast<size_t>(std::max(breadth, count));
    auto found = graph->links.searchBaseLayerST<false>(graph->descend(*query), query, width);
    std::vector<std::pair<float, uint64_t>> best;
    best.reserve(found.size());
    for (; !found.empty(); found.pop())
      best.emplace_back(found.top().first, graph->links.getExternalLabel(found.top().second));
    std::sort(best.begin(), best.end());
    long some = std::min(count, static_cast<long>(best.size()));
    for (long i = 0; i < some; i++) {
      labels[i] = best[static_cast<size_t>(i)].second;
      scores[i] = -best[static_cast<size_t>(i)].first;
    }
    return some;
  } catch (const std::exception &error) {
    note(error);
    return -1;
  }
}

void cn_free(struct cn_graph *graph) { delete graph; }

const char *cn_failure(void) { return failure; }
}
