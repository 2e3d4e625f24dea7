// A verifier for `specsample check --command`, in C++17 without a library.
//
//     g++ -std=c++17 -O2 -o sampler sampler.cpp
//     specsample check --command ./sampler --kind verify
//
// `--wrong M01` draws the replacement of a rejected draft from p: the judge must say so.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

using Rng = std::mt19937_64;

// The value after "name": in a line. The judge writes no spaces and no escapes, and every name once.
std::string field(const std::string& line, const std::string& name) {
    const std::string key = "\"" + name + "\":";
    const std::size_t at = line.find(key);
    if (at == std::string::npos) return "";
    const bool is_text = line[at + key.size()] == '"';
    const std::size_t from = at + key.size() + is_text;
    return line.substr(from, line.find_first_of(is_text ? "\"" : ",}", from) - from);
}

// An array from base64: little-endian numbers, row after row. (As they lie in the memory of a little-endian machine.)
template <class Number>
std::vector<Number> array(const std::string& text) {
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const std::vector<std::uint32_t> value = [] {
        std::vector<std::uint32_t> found(256, 0);
        for (std::size_t i = 0; i < digits.size(); ++i) found[static_cast<unsigned char>(digits[i])] = i;
        return found;
    }();
    // four digits are three bytes; = at the end stands for none
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i + 3 < text.size(); i += 4) {
        std::uint32_t word = 0;
        for (std::size_t j = 0; j < 4; ++j) word = word << 6 | value[static_cast<unsigned char>(text[i + j])];
        for (int shift : {16, 8, 0}) bytes.push_back(static_cast<char>(word >> shift));
    }
    bytes.resize(bytes.size() - std::count(text.begin(), text.end(), '='));
    std::vector<Number> numbers(bytes.size() / sizeof(Number));
    if (!numbers.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
}

// A number in [0, 1).
double uniform(Rng& rng) { return static_cast<double>(rng() >> 11) * 0x1p-53; }

// A token drawn in proportion to its weight.
int pick(const std::vector<double>& weights, Rng& rng) {
    double sum = 0;
    for (double weight : weights) sum += weight;
    double left = uniform(rng) * sum;
    int last = 0;
    for (std::size_t x = 0; x < weights.size(); ++x) {
        if (weights[x] == 0) continue;
        last = static_cast<int>(x);
        left -= weights[x];
        if (left < 0) break;
    }
    return last;
}

// K drafts, K rows of q and K+1 rows of p, V numbers each: 1 to K+1 tokens.
std::vector<int> verify(const std::int32_t* drafts, const double* q, const double* p, int K, int V, bool is_wrong,
                        Rng& rng) {
    std::vector<int> tokens;
    std::vector<double> left(V);
    for (int i = 0; i < K; ++i, q += V, p += V) {
        const int x = drafts[i];
        if (uniform(rng) * q[x] >= p[x]) {
            // rejected: what is left of p where q is taken away
            for (int y = 0; y < V; ++y) left[y] = is_wrong ? p[y] : std::max(p[y] - q[y], 0.0);
            tokens.push_back(pick(left, rng));
            return tokens;
        }
        tokens.push_back(x);
    }
    // all K are kept, and p's last row gives one more
    tokens.push_back(pick(std::vector<double>(p, p + V), rng));
    return tokens;
}

int main(int argc, char** argv) {
    const bool is_wrong = argc == 3 && std::string(argv[1]) == "--wrong" && std::string(argv[2]) == "M01";
    std::ios::sync_with_stdio(false);
    std::string line;
    // the version comes first, both ways
    std::getline(std::cin, line);
    if (field(line, "kind") != "verify") {
        std::cout << R"({"error":"this program only verifies"})" << std::endl;
        return 1;
    }
    std::cout << R"({"specsample":1,"arrays":"float64"})" << std::endl;
    while (std::getline(std::cin, line)) {
        const int n = std::stoi(field(line, "n"));
        const int K = std::stoi(field(line, "K"));
        const int V = std::stoi(field(line, "V"));
        const auto drafts = array<std::int32_t>(field(line, "drafts"));
        const auto q = array<double>(field(line, "q"));
        const auto p = array<double>(field(line, "p"));
        Rng rng(std::stoull(field(line, "seed")));
        // a list of tokens for each stream
        std::string tokens;
        for (int b = 0; b < n; ++b) {
            const auto row = verify(&drafts[b * K], &q[b * K * V], &p[b * (K + 1) * V], K, V, is_wrong, rng);
            tokens += b ? ",[" : "[";
            for (std::size_t i = 0; i < row.size(); ++i) tokens += (i ? "," : "") + std::to_string(row[i]);
            tokens += ']';
        }
        std::cout << R"({"id":)" << field(line, "id") << R"(,"tokens":[)" << tokens << "]}" << std::endl;
    }
}
