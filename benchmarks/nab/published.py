"""Published: raw standard scores that others' detectors reached on these files, each at its best threshold over all 58 of the benchmark.

From `results/<detector>/<detector>_standard_scores.csv` of github.com/numenta/NAB (HTM at threshold 0.5422, 70.1 over the whole;
random cut forest at 0.4539, 51.7; windowed Gaussian at 1.0; ARTime at 0.3175, 74.9).
"""

RAW = {
    "HTM": {
        "elb_request_count_8c0756": 1.60595613499,
        "nyc_taxi": 2.43572773247,
        "Twitter_volume_AAPL": 1.26389791486,
        "Twitter_volume_AMZN": -0.743957144663,
        "Twitter_volume_CRM": 0.723575559502,
        "Twitter_volume_CVS": 2.30950047794,
        "Twitter_volume_FB": 1.61048222172,
        "Twitter_volume_GOOG": -0.260196174698,
        "Twitter_volume_IBM": -0.104111443719,
        "Twitter_volume_KO": 2.46249313699,
        "Twitter_volume_PFE": 3.02177643559,
        "Twitter_volume_UPS": 1.60907110405,
    },
    "ARTime": {
        "elb_request_count_8c0756": 1.3635913854419892,
        "nyc_taxi": 3.775210013719179,
        "Twitter_volume_AAPL": 2.91610174881165,
        "Twitter_volume_AMZN": 2.7366282533101085,
        "Twitter_volume_CRM": 2.1007274110242746,
        "Twitter_volume_CVS": 1.8380854899903283,
        "Twitter_volume_FB": 1.2142436334445932,
        "Twitter_volume_GOOG": 1.4058235968041468,
        "Twitter_volume_IBM": 0.7780239854418971,
        "Twitter_volume_KO": 2.2252443725910727,
        "Twitter_volume_PFE": 2.5868270928040173,
        "Twitter_volume_UPS": 3.213773060391244,
    },
    "random cut forest": {
        "elb_request_count_8c0756": 1.60595613499,
        "nyc_taxi": -3.1846309122,
        "Twitter_volume_AAPL": 0.75007641039,
        "Twitter_volume_AMZN": 1.00857383384,
        "Twitter_volume_CRM": 1.67850206467,
        "Twitter_volume_CVS": -0.875186691416,
        "Twitter_volume_FB": -1.5280192576,
        "Twitter_volume_GOOG": 0.0732226448328,
        "Twitter_volume_IBM": -5.34294887359,
        "Twitter_volume_KO": -1.57419610694,
        "Twitter_volume_PFE": 2.25931448849,
        "Twitter_volume_UPS": 2.31720203311,
    },
    "windowed Gaussian": {
        "elb_request_count_8c0756": -0.13844919792440225,
        "nyc_taxi": -5.0,
        "Twitter_volume_AAPL": 1.5139968362565832,
        "Twitter_volume_AMZN": 1.5584829945714498,
        "Twitter_volume_CRM": 0.7638457640937151,
        "Twitter_volume_CVS": 0.77368206139354,
        "Twitter_volume_FB": 0.11975027819081463,
        "Twitter_volume_GOOG": -0.14677735516717338,
        "Twitter_volume_IBM": -0.7991094792289368,
        "Twitter_volume_KO": -0.914196106944424,
        "Twitter_volume_PFE": 0.26557999349038663,
        "Twitter_volume_UPS": -2.205164668202926,
    },
}
